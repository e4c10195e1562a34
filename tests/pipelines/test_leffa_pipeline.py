"""Leffa's pipeline: both tasks, every noise seeded, each option what it says."""

import inspect

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.diffusion import guided, rescale_guidance
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.models.conditions import INPUT_CHANNELS
from vtonlib.models.leffa import LeffaUNet
from vtonlib.pipelines.leffa import NEEDS, LeffaPipeline
from vtonlib.pipelines.load import read_pipeline
from vtonlib.pipelines.pictures import InputWarning, TryOnOutput
from vtonlib.pipelines.released import released_repaint
from vtonlib.pipelines.schedulers import released_scheduler
from vtonlib.tasks.latent_diffusion import new_scheduler

SIZE = (32, 24)


def new_pipeline(order="leffa", **changes):
    torch.manual_seed(0)
    shape = {"block_out_channels": (16, 32), "layers_per_block": 1, "attention_levels": (True, True)}
    unet = LeffaUNet(INPUT_CHANNELS[order], num_attention_heads=2, norm_num_groups=8, **{**shape, **changes}).eval()
    coder = new_autoencoder((16, 16, 16)).eval()
    pipeline = LeffaPipeline(coder, unet, released_scheduler("ddim", prediction_type="sample"), order=order)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def pipeline():
    return new_pipeline()


@pytest.fixture(scope="module")
def posing():
    return new_pipeline("leffa_pose")


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    images = {n: torch.rand(2, 3, *SIZE, generator=generator) * 2 - 1 for n in ("garment", "agnostic", "dense_pose")}
    mask = torch.zeros(2, 1, *SIZE)
    mask[:, :, 8:24, 6:18] = 1
    return {**images, "agnostic_mask": mask}


def run(pipeline, inputs, seed=0, steps=2, **options):
    generator = torch.Generator().manual_seed(seed)
    return pipeline(**inputs, num_inference_steps=steps, generator=generator, **options).images


def test_a_batch_knows_what_the_pipeline_may_be_given():
    batch = World(DataConfig(height=32, width=24)).paired("test", torch.arange(1))
    assert batch.inputs.keys() <= inspect.signature(LeffaPipeline.__call__).parameters.keys()


@pytest.mark.parametrize("order", NEEDS)
def test_every_order_of_inputs_paints(order, inputs):
    pipeline = new_pipeline(order)
    images = run(pipeline, inputs)
    assert images.shape == (2, 3, *SIZE) and images.abs().max() <= 1
    asked = {name: inputs[name] for name in ("garment", *NEEDS[order])}
    for name in NEEDS[order]:
        with pytest.raises(ValueError, match=f"{name} is missing: this pipeline needs it"):
            run(pipeline, {key: value for key, value in asked.items() if key != name})
    changed = {name: value.flip(-1) if value.shape[1] == 3 else value.roll(3, -1) for name, value in asked.items()}
    for name in asked:
        other = run(pipeline, {**asked, name: changed[name]}, repaint=False)
        assert not torch.allclose(run(pipeline, asked, repaint=False), other), f"{name} is not read"


def test_pose_transfer_needs_reference_and_pose_alone(posing, inputs):
    asked = {name: inputs[name] for name in ("garment", "dense_pose")}
    everything = {"agnostic": torch.zeros(2, 3, *SIZE), "agnostic_mask": torch.ones(2, 1, *SIZE)}
    images = run(posing, asked)
    assert torch.equal(images, run(posing, asked | everything))
    part = run(posing, inputs)
    inside = inputs["agnostic_mask"].expand(2, 3, *SIZE) == 1
    assert torch.equal(part[inside], images[inside]) and torch.equal(part[~inside], inputs["agnostic"][~inside])
    with pytest.raises(ValueError, match=r"agnostic_mask is missing: this pipeline needs it \(it goes with the other"):
        run(posing, asked | {"agnostic": inputs["agnostic"]})


def test_an_image_of_one_colour_is_no_mistake_where_all_is_painted(posing, inputs, recwarn):
    run(posing, inputs | {"agnostic": torch.zeros(2, 3, *SIZE), "agnostic_mask": torch.ones(2, 1, *SIZE)})
    assert not [w for w in recwarn if issubclass(w.category, InputWarning)]
    with pytest.warns(InputWarning, match=r"agnostic \(sample 0, 1\) has the same colour everywhere"):
        run(posing, inputs | {"agnostic": torch.zeros(2, 3, *SIZE)})


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_the_seed_decides_all_noise(pipeline, inputs, name):
    """Start noise, step noise and posterior samples; the global seed has no say."""
    sampled = pipeline.with_sampler(name)
    torch.manual_seed(3)
    first = run(sampled, inputs, posterior="sample")
    torch.manual_seed(4)
    assert torch.equal(first, run(sampled, inputs, posterior="sample"))
    assert not torch.allclose(first, run(sampled, inputs, seed=1, posterior="sample"))
    noise = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(3))
    for posterior in ("mode", "sample"):
        given, other = (run(sampled, inputs, seed=s, latents=noise, posterior=posterior) for s in (0, 1))
        assert torch.equal(given, other) == (name == "ddim" and posterior == "mode"), "no other noise is drawn"


@pytest.mark.parametrize("posterior", ["mode", "sample"])
def test_each_sample_is_reproducible_on_its_own(inputs, posterior):
    """In double precision, since sums over a batch round otherwise than sums over one."""
    ddpm = new_pipeline().with_sampler("ddpm").to(torch.float64)
    options = {"num_inference_steps": 3, "posterior": posterior}
    together = ddpm(**inputs, generator=[torch.Generator().manual_seed(seed) for seed in (4, 5)], **options).images
    assert not torch.allclose(together[0], together[1])
    for number, seed in enumerate((4, 5)):
        one = {name: value[number : number + 1] for name, value in inputs.items()}
        alone = ddpm(**one, generator=[torch.Generator().manual_seed(seed)], **options).images
        torch.testing.assert_close(alone[0], together[number], atol=1e-6, rtol=0)


def test_guidance_moves_away_from_no_reference(pipeline, inputs):
    """Step by step against the denoiser's two predictions; rescaled after that."""
    given = pipeline._completed(inputs)
    conditions = pipeline._conditions(given)
    noise, time = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(3)), torch.tensor([500, 500])
    sample = torch.cat((noise, conditions.agnostic, 1 - conditions.keep), dim=1)
    with torch.no_grad():
        none, seen = (
            pipeline.unet(sample, time, pipeline.unet.encode_reference(reference, time))
            for reference in (torch.zeros_like(conditions.garment), conditions.garment)
        )
        for scale, rescale in ((1.0, 0.0), (2.5, 0.0), (2.5, 2.5), (0.0, 0.0)):
            read = pipeline._reader(conditions.garment, scale != 1, "each")
            predict = pipeline._predictor(pipeline._inputs(given, conditions), read, scale, rescale)
            expected = rescale_guidance(guided(seen, none, scale), seen, rescale)
            torch.testing.assert_close(predict(noise, time[0]), expected, atol=1e-5, rtol=1e-4)
    other = inputs | {"garment": inputs["garment"].flip(0)}
    assert torch.equal(run(pipeline, inputs, guidance_scale=0.0), run(pipeline, other, guidance_scale=0.0))
    assert not torch.allclose(run(pipeline, inputs, guidance_scale=1.0), run(pipeline, other, guidance_scale=1.0))
    assert torch.equal(run(pipeline, inputs), run(pipeline, inputs, guidance_scale=2.5)), "stored with the weights"
    assert not torch.allclose(run(pipeline, inputs), run(pipeline, inputs, guidance_rescale=0.7))


def test_the_reference_is_read_at_each_step_or_once_at_the_middle_one(pipeline, inputs):
    seen = []
    original = pipeline.unet.encode_reference

    def counted(reference, timestep, **others):
        seen.append((len(reference), int(timestep[0])))
        return original(reference, timestep, **others)

    pipeline.unet.encode_reference = counted
    try:
        run(pipeline, inputs, steps=5)
        times = pipeline.scheduler.timesteps.tolist()
        assert seen == [pair for time in times for pair in ((2, time), (1, time))], "no reference: once for all samples"
        seen.clear()
        run(pipeline, inputs, steps=5, reference_steps="once", guidance_scale=1.0)
        assert seen == [(2, times[2])]
    finally:
        del pipeline.unet.encode_reference
    once = run(pipeline, inputs, steps=5, reference_steps="once")
    assert not torch.allclose(once, run(pipeline, inputs, steps=5))
    assert torch.equal(run(pipeline, inputs, steps=1), run(pipeline, inputs, steps=1, reference_steps="once"))


def test_what_is_outside_the_mask_is_kept_or_blended_as_released(pipeline, inputs):
    inside = inputs["agnostic_mask"].expand(2, 3, *SIZE) == 1
    free, kept = run(pipeline, inputs, repaint=False), run(pipeline, inputs)
    assert torch.equal(kept[inside], free[inside]) and torch.equal(kept[~inside], inputs["agnostic"][~inside])
    person = inputs["agnostic"].flip(-1)
    released = run(pipeline, inputs, repaint="released", person=person)
    assert torch.equal(released, released_repaint(free, person, inputs["agnostic_mask"]))
    assert not torch.equal(released[inside], free[inside]), "its edge is blurred into the mask"
    with pytest.raises(ValueError, match="repaint is 'released': person is expected for repaint='released'"):
        run(pipeline, inputs, repaint="released")
    with pytest.raises(ValueError, match="repaint is True: person is expected for repaint='released', and for nothing"):
        run(pipeline, inputs, person=person)


def test_latents_outside_the_mask_are_kept_at_every_step(pipeline, inputs):
    seen = []
    callback = lambda _, __, ___, tensors: seen.append(tensors["latents"]) or {}  # noqa: E731
    run(pipeline, inputs, repaint_latents=True, callback_on_step_end=callback)
    conditions = pipeline._conditions(inputs)
    outside = (conditions.keep == 1).expand(2, 4, 8, 6)
    assert outside.any() and torch.equal(seen[-1][outside], conditions.agnostic[outside])


def test_the_callback_sees_every_step_and_may_change_the_latents(pipeline, inputs):
    seen = []

    def callback(_, index, timestep, tensors):
        seen.append((index, int(timestep)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    images = run(pipeline, inputs, steps=3, callback_on_step_end=callback)
    assert seen == [(0, 667), (1, 334), (2, 1)]
    assert torch.equal(images, run(pipeline, inputs, seed=5, callback_on_step_end=callback)), "latents were replaced"


def test_saved_and_loaded_pipelines_are_equal_and_keep_order_steps_and_guidance(inputs, tmp_path):
    made = new_pipeline("stable_viton").with_sampler("ddpm")
    made = LeffaPipeline(**made.components, order="stable_viton", default_denoising_steps=3, default_guidance_scale=1.5)
    made.save_pretrained(tmp_path)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
    loaded = [read_pipeline(tmp_path), LeffaPipeline.from_pretrained(tmp_path, local_files_only=True)]
    made.set_progress_bar_config(disable=True)
    expected = run(made, inputs, steps=3, guidance_scale=1.5)
    for other in loaded:
        other.set_progress_bar_config(disable=True)
        assert type(other.scheduler) is type(made.scheduler)
        assert torch.equal(other(**inputs, generator=torch.Generator().manual_seed(0)).images, expected)
        assert other.with_sampler("ddim").config.order == "stable_viton"


def test_the_reference_part_of_attention_is_read_by_block(pipeline, inputs):
    def read(**others):
        return pipeline.read_attention(
            inputs["agnostic"], **inputs, generator=torch.Generator().manual_seed(0), **others
        )

    records, joined, other = read(), read(part="joined"), read(timestep=10)
    decoder = [f"up_blocks.{level}.attentions.{n}" for level in (1, 0) for n in (1, 0)]
    assert list(records) == [
        *decoder,
        "mid_block.attentions.0",
        "down_blocks.1.attentions.0",
        "down_blocks.0.attentions.0",
    ]
    assert records["up_blocks.1.attentions.1"].key_grids == ((8, 6),) and records[decoder[-1]].query_grid == (4, 3)
    for name, record in joined.items():
        assert len(record.key_grids) == 2
        rows = record.weights()[..., -records[name].key.shape[2] :]
        torch.testing.assert_close(records[name].weights(), rows / rows.sum(-1, keepdim=True))
    assert not torch.allclose(other[decoder[0]].query, records[decoder[0]].query)


def test_what_is_shown_to_the_keys_changes_the_keys_alone(pipeline, inputs):
    def read(**others):
        return pipeline.read_attention(
            inputs["agnostic"], **inputs, generator=torch.Generator().manual_seed(0), part="joined", **others
        )

    shown = inputs["garment"].roll(1, 0)
    first = next(reversed(read()))
    true, misled = read()[first], read(shown=shown)[first]
    own = true.key_grids[0].tokens
    assert torch.equal(true.query, misled.query) and torch.equal(true.key[:, :, :own], misled.key[:, :, :own])
    assert not torch.allclose(true.key[:, :, own:], misled.key[:, :, own:])
    blind = new_pipeline(keys_see="place")
    records = [blind.read_attention(inputs["agnostic"], **inputs, **o) for o in ({}, {"shown": shown})]
    assert torch.equal(records[0][first].key, records[1][first].key)


def test_any_size_that_the_model_can_take(pipeline, inputs):
    wide = {name: torch.cat((value, value, value), dim=-1)[..., :16, :] for name, value in inputs.items()}
    assert run(pipeline, wide).shape == (2, 3, 16, 72)
    odd = {name: value[..., :28, :] for name, value in inputs.items()}
    with pytest.raises(ValueError, match="pictures are 28x24: height and width must be multiples of 8"):
        run(pipeline, odd)


def test_pictures_of_any_kind_give_the_same(posing, inputs):
    garment, pose = (((inputs[name] + 1) * 127.5).round() / 127.5 - 1 for name in ("garment", "dense_pose"))
    expected = run(posing, {"garment": garment, "dense_pose": pose})
    pil, arrays = ([getattr(TryOnOutput(images=x), kind)() for x in (garment, pose)] for kind in ("pil", "numpy"))
    for reference, surface in (pil, arrays):
        images = run(posing, {"garment": reference, "dense_pose": surface})
        torch.testing.assert_close(images, expected, atol=1e-4, rtol=0)


def test_halves_come_near(posing, inputs):
    """All of it in bfloat16, DDPM's noise and the rescaling too."""
    asked = {name: inputs[name] for name in ("garment", "dense_pose")}
    options = {"guidance_scale": 1.5, "guidance_rescale": 0.7}
    half = new_pipeline("leffa_pose").to(torch.bfloat16).with_sampler("ddpm")
    images = run(half, asked, **options)
    assert images.dtype == torch.float32
    expected = run(posing.with_sampler("ddpm"), asked, **options)
    assert (images - expected).abs().mean() < 0.1 * expected.std()


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_other_prediction_types_and_levels_are_sampled(pipeline, inputs, prediction_type):
    other = pipeline.with_sampler("ddim")
    other.scheduler = released_scheduler("plms", prediction_type=prediction_type)
    assert run(other, inputs, steps=4).isfinite().all()
    other.scheduler = new_scheduler()
    assert run(other.with_sampler("ddpm"), inputs, steps=4).isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference_steps": "twice"}, "reference_steps is 'twice': expected one of each, once"),
        ({"posterior": "sample_each_call"}, "posterior is 'sample_each_call': expected one of mode, sample"),
        ({"guidance_rescale": float("nan")}, "guidance_rescale is nan: expected a finite number of at least 0"),
        ({"guidance_scale": 1.0, "guidance_rescale": -1.0}, "guidance_rescale is -1.0: expected a finite number"),
        ({"guidance_scale": float("inf")}, "guidance_scale is inf: expected a finite number of at least 0"),
        ({"latents": torch.zeros(2, 4, 8, 8)}, r"latents are \(2, 4, 8, 8\): expected \(2, 4, 8, 6\)"),
        ({"steps": 0}, "num_inference_steps is 0: expected at least 1"),
        ({"garment": torch.zeros(2, 3, 16, 24)}, r"garment is \(2, 3, 16, 24\): expected \(2, 3, 32, 24\)"),
    ],
)
def test_options_that_do_not_exist_or_fit_are_refused(pipeline, inputs, options, message):
    with pytest.raises(ValueError, match=message):
        run(
            pipeline,
            inputs | {k: v for k, v in options.items() if k in inputs},
            **{k: v for k, v in options.items() if k not in inputs},
        )


def test_generators_must_be_as_many_as_samples(pipeline, inputs):
    with pytest.raises(ValueError, match="generator is a list of 1: expected one for each of 2 samples"):
        pipeline(**inputs, num_inference_steps=1, generator=[torch.Generator()])


@pytest.mark.parametrize("timestep", [-1, 1000, 3.5])
def test_attention_is_read_at_noise_levels_that_there_are(pipeline, inputs, timestep):
    with pytest.raises(ValueError, match=f"timestep is {timestep}: expected a whole number from 0 to 999"):
        pipeline.read_attention(inputs["agnostic"], **inputs, timestep=timestep)


def test_an_order_that_does_not_fit_is_refused(pipeline):
    with pytest.raises(ValueError, match="order is 'leffa_pose', of 8 channels: the unet takes 9"):
        LeffaPipeline(**pipeline.components, order="leffa_pose")
    with pytest.raises(ValueError, match="order is 'pose': expected one of stable_viton, leffa, leffa_pose, leffa_rel"):
        LeffaPipeline(**pipeline.components, order="pose")
    with pytest.raises(ValueError, match="part is 'own': expected one of reference, joined"):
        pipeline.read_attention(torch.zeros(1), garment=torch.zeros(1), part="own")
