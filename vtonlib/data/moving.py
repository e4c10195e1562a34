"""Examples mirrored, shifted and scaled, with everything that is true about them.

Shifts and scales are affine maps p -> scale * p + shift of coordinates in [-1, 1], one for the person's pictures and
one for the garment's, so the true flow of a moved example is known exactly:

    flow'(p) = scale_g * flow((p - shift_p) / scale_p) + shift_g.

A mirror is the scale (-1, 1).

Book: sec-augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.truth import BODY_PARTS
from vtonlib.grids import coordinate_grid, to_pixels, warp

Border = Literal["continued", "black"]
DensePose = Literal["surface", "picture"]
TEAR = 2.0
"""Places of neighbours in the garment that differ by more, in pixels on both sides of the mean, are of two parts."""


def _mirrored_names(names: tuple[str, ...]) -> list[int]:
    """For each name, the number of the name on the other side of the body."""
    swap = {"left": "right", "right": "left"}
    sides = [name.partition("_") for name in names]
    return [names.index(f"{swap[side]}_{rest}") if side in swap else i for i, (side, _, rest) in enumerate(sides)]


MIRRORED_LABELS, MIRRORED_JOINTS, MIRRORED_PARTS = map(_mirrored_names, (PARSE_LABELS, KEYPOINTS, BODY_PARTS))
ALIKE = tuple(i for i, part in enumerate(BODY_PARTS) if part.endswith("arm"))
"""Parts of the body whose u runs outwards on both sides; the others' runs to the right of the picture."""


def mirror_surface(dense_pose: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """The world's dense pose in a mirror: left and right parts exchanged, and u where it runs across the picture."""
    part = ((dense_pose[:, 0] + 1) * (len(BODY_PARTS) - 1) / 2).round().long().flip(-1)
    u, v = dense_pose[:, 1].flip(-1), dense_pose[:, 2].flip(-1)
    kept = torch.isin(part, torch.tensor((0, *ALIKE), device=part.device))
    numbers = torch.tensor(MIRRORED_PARTS, device=part.device, dtype=u.dtype)
    return torch.stack((numbers[part] * 2 / (len(BODY_PARTS) - 1) - 1, torch.where(kept, u, -u), v), dim=1)


def mirror(batch: TryOnBatch, *, dense_pose: DensePose = "surface") -> TryOnBatch:
    """Persons and garments as in a mirror: what was the wearer's left is her right.

    Labels, joints and flow follow. ``dense_pose`` says what that field holds: the world's surface coordinates, whose
    parts are exchanged too, or any picture, which is mirrored as the released code mirrors it.
    """
    pictures = {
        name: value.flip(-1) for name, value in batch.tensors().items() if name not in ("flow", "keypoints", "index")
    }
    pictures["parse"] = pictures["parse"][:, MIRRORED_LABELS]
    if dense_pose == "surface":
        pictures["dense_pose"] = mirror_surface(batch.dense_pose)
    across = batch.flow.new_tensor((-1, 1))
    return replace(
        batch,
        **pictures,
        flow=batch.flow.flip(-2) * across,
        keypoints=batch.keypoints[:, MIRRORED_JOINTS] * across,
    )


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a picture: point p comes to lie at scale * p + shift. One for each example.

    Book: sec-augmentation.
    """

    scale: Float[Tensor, "b 2"]
    """Magnification about the picture's middle along x and y; -1 mirrors."""
    shift: Float[Tensor, "b 2"]
    """(x, y) in coordinates of [-1, 1]: 2 is the whole picture."""

    def forth(self, points: Float[Tensor, "b *n 2"]) -> Float[Tensor, "b *n 2"]:
        """Where points of the picture come to lie. Equation: eq-move."""
        scale, shift = self._shaped(points)
        return points * scale + shift

    def back(self, points: Float[Tensor, "b *n 2"]) -> Float[Tensor, "b *n 2"]:
        """Which points of the picture come to lie there."""
        scale, shift = self._shaped(points)
        return (points - shift) / scale

    def sources(self, height: int, width: int) -> Float[Tensor, "b h w 2"]:
        """Where each pixel of the moved picture is read in the picture: the flow to warp it with.

        Equation: eq-moved-picture.
        """
        grid = coordinate_grid(height, width, device=self.scale.device)
        return self.back(grid.expand(len(self.scale), -1, -1, -1))

    def _shaped(self, points: Tensor) -> tuple[Tensor, Tensor]:
        ones = (1,) * (points.ndim - 2)
        return self.scale.view(-1, *ones, 2), self.shift.view(-1, *ones, 2)


def moved_flow(
    flow: Float[Tensor, "b h w 2"], flow_mask: Float[Tensor, "b 1 h w"], person: Move, garment: Move
) -> tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b 1 h w"]]:
    """The true flow once person and garment have been moved, and where it is known: garment o flow o person^-1.

    It is known where it was, at places that the moved picture of the person shows, of parts that the moved picture of
    the garment shows; 0 elsewhere.

    Equation: eq-moved-flow. Book: sec-augmentation.
    """
    read, known = read_known(flow, flow_mask, person.sources(*flow.shape[1:3]))
    moved = garment.forth(read)
    known = known * _within(moved)
    return moved * known.movedim(1, -1), known


def move(batch: TryOnBatch, person: Move, garment: Move, *, border: Border = "continued") -> TryOnBatch:
    """Examples whose person and garment have been moved, each in its own way.

    Pictures and masks are read bilinearly, labels and dense pose at the nearest pixel, so that no new label appears.
    ``border`` is what comes into view from outside: a picture's last pixels continued, which for garments is their
    white ground; or black, outside every mask, as in the released code. The flow is known where one part of the
    garment is seen, both here and in the moved picture of the garment.
    """
    height, width = batch.size
    seen, laid = person.sources(height, width), garment.sources(height, width)

    def read(picture: Tensor, places: Tensor, outside: float) -> Tensor:
        return _bordered(warp(picture, places), places, outside if border == "black" else None)

    def nearest(picture: Tensor, outside: float) -> Tensor:
        return _bordered(read_nearest(picture, seen), seen, outside if border == "black" else None)

    flow, known = moved_flow(batch.flow, batch.flow_mask, person, garment)
    mask = read(batch.agnostic_mask, seen, 0.0)
    keypoints = person.forth(batch.keypoints)
    return replace(
        batch,
        person=read(batch.person, seen, -1.0),
        garment=read(batch.garment, laid, -1.0),
        garment_mask=read(batch.garment_mask, laid, 0.0),
        agnostic=read(batch.agnostic, seen, -1.0) * (1 - mask),
        agnostic_mask=mask,
        dense_pose=nearest(batch.dense_pose, -1.0),
        keypoints=torch.where((keypoints.abs() <= 1).all(-1, keepdim=True), keypoints, torch.nan),
        parse=nearest(batch.parse, 0.0),
        garment_region=read(batch.garment_region, seen, 0.0),
        flow=flow,
        flow_mask=known,
        warped_garment=read(batch.warped_garment, seen, -1.0),
        misalign_mask=read(batch.misalign_mask, seen, 0.0),
    )


def _within(places: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b 1 h w"]:
    """1 where a place lies within the picture."""
    return (places.abs().amax(dim=-1) <= 1)[:, None].to(places.dtype)


def _bordered(
    picture: Float[Tensor, "b c h w"], places: Float[Tensor, "b h w 2"], outside: float | None
) -> Float[Tensor, "b c h w"]:
    """A picture that was read at ``places``, with ``outside`` where these lie outside it, unless that is None."""
    if outside is None:
        return picture
    return torch.where(_within(places) > 0, picture, outside)


def read_nearest(picture: Float[Tensor, "b c H W"], places: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b c h w"]:
    """The pixels nearest to ``places``; outside the picture its border continues."""
    height, width = picture.shape[-2:]
    last = places.new_tensor((width - 1, height - 1))
    column, row = ((places + 1) / 2 * last).round().clamp_min(0).minimum(last).long().unbind(-1)
    index = (row * width + column).flatten(1)[:, None].expand(-1, picture.shape[1], -1)
    return picture.flatten(2).gather(2, index).unflatten(2, places.shape[1:3])


def read_known(
    flow: Float[Tensor, "b H W 2"], mask: Float[Tensor, "b 1 H W"], places: Float[Tensor, "b h w 2"]
) -> tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b 1 h w"]]:
    """A flow that is known only where ``mask`` is 1, read bilinearly at ``places``: (flow, where it is known).

    Known is what lies within the picture, between pixels that are all known and of one part of the garment: where a
    sleeve lies on the front, two places must not be averaged. The flow is 0 elsewhere.
    """
    steps = to_pixels(flow, *flow.shape[1:3]).movedim(-1, 1)
    read = warp(torch.cat((flow.movedim(-1, 1), steps.square(), mask), dim=1), places)
    mean, square, known = read.split((2, 2, 1), dim=1)
    variance = square - to_pixels(mean.movedim(1, -1), *flow.shape[1:3]).movedim(-1, 1).square()
    whole = (known > 0.999) & (variance.amax(1, keepdim=True) <= TEAR**2)
    result = whole.to(flow.dtype) * _within(places)
    return (mean * result).movedim(1, -1), result


def rows_of(batch: TryOnBatch, other: TryOnBatch, chosen: Bool[Tensor, " b"]) -> TryOnBatch:
    """``batch``, but for the chosen examples, which are those of ``other``."""

    def pick(yes: Shaped[Tensor, "b ..."], no: Shaped[Tensor, "b ..."]) -> Shaped[Tensor, "b ..."]:
        return torch.where(chosen.view(-1, *(1,) * (no.ndim - 1)), yes, no)

    theirs = other.tensors()
    return replace(batch, **{name: pick(theirs[name], value) for name, value in batch.tensors().items()})
