"""The three stages as one pipeline: seeded, savable, row by row, honest about its inputs."""

import copy

import pytest
import torch
from gan_stages import DATA, new_pipeline

from vtonlib.config import DataConfig
from vtonlib.data.parse import GARMENT, GROUPS, visible_groups
from vtonlib.data.world import World
from vtonlib.models.alias import split_parse
from vtonlib.pipelines.alias import ALIASPipeline, matching_input, segmentation_input, warp_garment
from vtonlib.pipelines.pictures import InputWarning


def inputs_of(batch):
    """What the pipeline is given of a batch."""
    names = ("garment", "garment_mask", "agnostic", "agnostic_mask", "dense_pose")
    return {**{name: getattr(batch, name) for name in names}, "visible_groups": visible_groups(batch)}


@pytest.fixture(scope="module")
def pipeline():
    return new_pipeline()


@pytest.fixture
def inputs():
    return inputs_of(World(DATA).unpaired("test", torch.arange(2)))


def run(pipeline, inputs, seed=0, **options):
    return pipeline(**inputs, generator=torch.Generator().manual_seed(seed), **options)


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_seed_decides(pipeline, inputs):
    first = run(pipeline, inputs)
    assert equal(first, run(pipeline, inputs))
    assert not torch.equal(first.images, run(pipeline, inputs, seed=1).images)


def test_what_comes_out(pipeline, inputs):
    made = run(pipeline, inputs, repaint=False)
    assert made.images.shape == made.warped_garment.shape == (2, 3, 32, 24)
    assert made.flow.shape == (2, 32, 24, 2)
    assert made.parse.shape == (2, len(GROUPS), 32, 24) and made.misalign_mask.shape == (2, 1, 32, 24)
    assert made.images.abs().max() <= 1 and made.images.std() > 0.01
    assert set(made.parse.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(made.parse.sum(1), torch.ones(2, 32, 24))


def test_the_stages_are_those_of_the_three_networks(pipeline, inputs):
    made, noise = run(pipeline, inputs, repaint=False), torch.Generator().manual_seed(0)
    drawn = torch.randn(2, 1, 32, 24, generator=noise)
    known = [inputs[name] for name in ("garment", "garment_mask", "visible_groups", "dense_pose")]
    with torch.no_grad():
        label = pipeline.segmentation(segmentation_input(*known, drawn)).argmax(1)
        assert torch.equal(made.parse.argmax(1), label)
        region = made.parse[:, GARMENT : GARMENT + 1]
        person = matching_input(region, inputs["dense_pose"], inputs["agnostic"])
        assert torch.equal(made.flow, pipeline.matcher(person, inputs["garment"]))
        warped, covered = warp_garment(inputs["garment"], inputs["garment_mask"], made.flow)
        assert torch.equal(made.warped_garment, warped)
        assert torch.equal(made.misalign_mask, (region - covered).clamp_min(0))
        divided = split_parse(made.parse, made.misalign_mask, GARMENT)
        seen = torch.cat((inputs["agnostic"], inputs["dense_pose"], warped), 1)
        image = pipeline.generator_network(seen, made.parse, divided, made.misalign_mask, generator=noise)
    assert torch.equal(made.images, image)


def test_repainting_keeps_pixels_and_labels_outside_the_mask(pipeline, inputs):
    made, keep = run(pipeline, inputs), inputs["agnostic_mask"] == 0
    pixels, labels = keep.expand_as(made.images), keep.expand_as(made.parse)
    assert keep.any() and (~keep).any()
    assert torch.equal(made.images[pixels], inputs["agnostic"][pixels])
    assert torch.equal(made.parse[labels], inputs["visible_groups"][labels])
    assert torch.equal(made.parse.sum(1), torch.ones(2, 32, 24))
    free = run(pipeline, inputs, repaint=False)
    assert not torch.equal(free.images[pixels], inputs["agnostic"][pixels])
    assert not torch.equal(free.parse[labels], inputs["visible_groups"][labels])


def test_unknown_labels_are_filled_by_the_first_stage(pipeline, inputs):
    unknown = {**inputs, "visible_groups": torch.zeros_like(inputs["visible_groups"])}
    made = run(pipeline, unknown)
    assert torch.equal(made.parse.sum(1), torch.ones(2, 32, 24))
    assert torch.equal(made.parse, run(pipeline, unknown, repaint=False).parse)


def test_at_a_soft_edge_labels_are_blended(pipeline, inputs):
    soft = {**inputs, "agnostic_mask": torch.full_like(inputs["agnostic_mask"], 0.25)}
    soft["visible_groups"] = torch.nn.functional.one_hot(torch.zeros(2, 32, 24).long(), len(GROUPS)).movedim(-1, 1)
    made = run(pipeline, soft)
    torch.testing.assert_close(made.parse.sum(1), torch.ones(2, 32, 24))
    assert made.parse[:, 0].min() >= 0.75


def test_examples_do_not_know_of_each_other(pipeline, inputs):
    made = run(pipeline, inputs)
    changed = {name: torch.stack((value[0], value[1].flip(-1))) for name, value in inputs.items()}
    again = run(pipeline, changed)
    for name in made:
        torch.testing.assert_close(made[name][0], again[name][0], atol=1e-5, rtol=0)
    assert not torch.allclose(made.images[1], again.images[1], atol=1e-3)


@pytest.mark.parametrize("name", ["garment", "garment_mask", "agnostic", "visible_groups", "dense_pose"])
def test_every_input_matters(pipeline, inputs, name):
    other = {**inputs, name: inputs[name].flip(0)}
    assert not torch.allclose(run(pipeline, inputs).images, run(pipeline, other).images)


def test_double_precision_gives_the_same(pipeline, inputs, monkeypatch):
    """Without noise, which is drawn in the precision that it is used in."""

    def no_noise(shape, *, dtype, **_):
        return torch.zeros(shape, dtype=dtype)

    monkeypatch.setattr("vtonlib.pipelines.alias.randn_tensor", no_noise)
    quiet = copy.deepcopy(pipeline)
    for name, parameter in quiet.generator_network.named_parameters():
        if name.endswith("noise_scale"):
            torch.nn.init.zeros_(parameter)
    one, other = run(quiet, inputs), run(copy.deepcopy(quiet).to(torch.float64), inputs)
    assert other.images.dtype == torch.float32, "results are in single precision"
    assert torch.equal(one.parse, other.parse)
    for name in ("images", "flow", "warped_garment", "misalign_mask"):
        torch.testing.assert_close(one[name], other[name], atol=2e-4, rtol=0)


def test_bfloat16_runs(pipeline, inputs):
    made = run(copy.deepcopy(pipeline).to(torch.bfloat16), inputs)
    keep = (inputs["agnostic_mask"] == 0).expand_as(made.images)
    assert made.images.isfinite().all() and made.images.abs().max() <= 1
    torch.testing.assert_close(made.images[keep], inputs["agnostic"][keep], atol=2**-8, rtol=0)


def test_saved_and_loaded_pipelines_are_equal_and_hold_no_pickle(pipeline, inputs, tmp_path):
    """Bit for bit once the tensors are aligned in memory, which those read from a file are not."""
    pipeline.save_pretrained(tmp_path)
    loaded = ALIASPipeline.from_pretrained(tmp_path, local_files_only=True)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
    for name, network in pipeline.components.items():
        theirs = loaded.components[name].state_dict()
        assert theirs.keys() == network.state_dict().keys()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in network.state_dict().items())
    aligned = ALIASPipeline(**{name: copy.deepcopy(network) for name, network in loaded.components.items()})
    assert equal(run(aligned, inputs), run(pipeline, inputs))
    torch.testing.assert_close(run(loaded, inputs).images, run(pipeline, inputs).images, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("garment", (2, 3, 16, 24), r"garment is \(2, 3, 16, 24\): expected \(2, 3, 32, 24\)"),
        ("agnostic_mask", (1, 1, 32, 24), r"agnostic_mask is \(1, 1, 32, 24\): expected \(2, 1, 32, 24\)"),
        ("visible_groups", (2, 14, 32, 24), r"visible_groups is \(2, 14, 32, 24\): expected \(2, 7, 32, 24\)"),
        ("agnostic", (2, 4, 32, 24), r"agnostic is \(2, 4, 32, 24\): expected \(2, 3, 32, 24\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(pipeline, inputs, name, shape, message):
    with pytest.raises(ValueError, match=message):
        run(pipeline, {**inputs, name: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((30, 24), "images are 30x24: expected multiples of 4"),
        ((40, 24), "person is 40x24: this matcher was built for 32x24"),
    ],
)
def test_sizes_the_networks_cannot_take_are_refused(pipeline, size, message):
    batch = World(DataConfig(height=size[0], width=size[1])).paired("test", torch.arange(2))
    with pytest.raises(ValueError, match=message):
        run(pipeline, inputs_of(batch))


def test_mistakes_are_warned_of_and_pictures_come_out_as_pil(pipeline, inputs):
    with pytest.warns(InputWarning, match="agnostic_mask .* looks inverted"):
        made = run(pipeline, {**inputs, "agnostic_mask": 1 - inputs["agnostic_mask"]})
    assert [picture.size for picture in made.pil()] == [(24, 32)] * 2
    with pytest.raises(ValueError, match="garment contains NaN or infinity"):
        run(pipeline, {**inputs, "garment": inputs["garment"] / 0})
