"""Coordinates, images, noise, splines."""

from __future__ import annotations

from properties.case import Case
from properties.draws import Draw
from vtonlib.thin_plate import ThinPlate, fit_thin_plate

SIDES = {"h": (1, 7), "w": (1, 7), "height": (1, 9), "width": (1, 9)}
NO_ROWS = "it has no rows"
BLEND = "sums of many numbers are of their largest one's precision"


def alpha(dims: str):
    return lambda draw: draw.uniform(dims, 0.05, 0.95)


def source(draw: Draw):
    """Control points that do not lie on one line, apart from each other."""
    from vtonlib.grids import coordinate_grid

    grid = coordinate_grid(2, 3).flatten(0, 1) * 0.8
    return (grid + 0.1 * draw.normal("b 6 2")).contiguous()


def plate(draw: Draw) -> ThinPlate:
    return fit_thin_plate(source(draw), draw.uniform("b 6 2"))


def of_mask(arguments):
    return arguments["mask"].flatten(1).sum(1)


CASES = {
    "vtonlib.grids.coordinate_grid": Case(sizes=SIDES, rows="", why=NO_ROWS),
    "vtonlib.grids.to_pixels": Case(),
    "vtonlib.grids.warp": Case(sizes=SIDES),
    "vtonlib.grids.resize_flow": Case(sizes=SIDES),
    "vtonlib.grids.resize_image": Case(sizes=SIDES),
    "vtonlib.grids.resize_mask": Case(sizes=SIDES, empty="zero"),
    "vtonlib.grids.resize_nearest": Case(sizes=SIDES),
    "vtonlib.grids.masked_mean": Case(sizes=SIDES, rows="mean", weight=of_mask, empty="zero"),
    "vtonlib.grids.masked_mean_per_sample": Case(sizes=SIDES, empty="zero"),
    "vtonlib.grids.total_variation": Case(
        sizes=SIDES, rows="", dtype="precise", empty="zero", why="pairs below and beside are counted apart"
    ),
    "vtonlib.images.to_uint8": Case(dtype="other", exact=1, why="whole numbers come out, which rounding may move"),
    "vtonlib.images.grid": Case(
        given={"columns": lambda d: [d.uniform("n 3 h w"), d.uniform("n 3 h w")]},
        rows="",
        dtype="other",
        why="rows become places of one picture",
    ),
    "vtonlib.shares.counted": Case(given={"count": lambda d: d.uniform("", 0, 9)}, rows="", why=NO_ROWS),
    "vtonlib.diffusion.zero_terminal": Case(
        given={"alpha_bars": lambda d: d.uniform("steps", 0.05, 0.95).cumprod(0)},
        sizes={"steps": (2, 9)},
        fills=("random",),
        rows="",
        half=False,
        why="a schedule is one thing, kept in single precision",
    ),
    "vtonlib.diffusion.add_noise": Case(given={"alpha_bar": alpha("*shape")}),
    "vtonlib.diffusion.signal_to_noise": Case(given={"alpha_bar": alpha("*shape")}),
    "vtonlib.diffusion.velocity": Case(given={"alpha_bar": alpha("*shape")}),
    "vtonlib.diffusion.read_prediction": Case(given={"alpha_bar": alpha("*shape"), "kind": "v_prediction"}),
    "vtonlib.diffusion.loss_weight": Case(given={"alpha_bar": alpha("*shape"), "kind": "sample"}),
    "vtonlib.diffusion.ideal_denoiser": Case(given={"alpha_bar": 0.6}),
    "vtonlib.diffusion.multistep_noise": Case(given={"history": lambda d: [d.normal("*shape") for _ in range(3)]}),
    "vtonlib.diffusion.guided": Case(given={"scale": 2.5}),
    "vtonlib.diffusion.rescale_guidance": Case(given={"share": 0.7}, sizes={"rest": (2, 5)}),
    "vtonlib.diffusion.blend": Case(empty="finite"),
    "vtonlib.thin_plate.fit_thin_plate": Case(
        given={"source": source, "target": lambda d: d.uniform("b 6 k")}, exact=1e-2
    ),
    "vtonlib.thin_plate.thin_plate_flow": Case(given={"plate": plate}, sizes=SIDES, exact=1e-2),
    "vtonlib.thin_plate.lattice_flow": Case(sizes=SIDES | {"rows": (2, 4), "columns": (2, 4)}),
    "vtonlib.data.recoloured.lattice_flow": Case(
        given={"height": 8, "width": 6, "flow": lambda d: d.uniform("b 8 6 2")}
    ),
}
