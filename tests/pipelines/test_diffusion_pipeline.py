"""The try-on pipeline: seeded, savable, honest about its inputs."""

import copy
import inspect

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.pipelines.load import read_pipeline
from vtonlib.pipelines.pictures import InputWarning, TryOnOutput, blend_pixels
from vtonlib.pipelines.schedulers import PLMSScheduler, released_scheduler
from vtonlib.tasks.latent_diffusion import new_scheduler


@pytest.fixture(scope="module")
def pipeline():
    torch.manual_seed(0)
    unet = StableVITONUNet(
        block_out_channels=(16, 32),
        layers_per_block=1,
        attention_levels=(False, True),
        num_attention_heads=4,
        cross_attention_dim=12,
        norm_num_groups=8,
    )
    for warp in unet.warps:  # away from the identity
        torch.nn.init.normal_(warp.zero_conv.weight, std=0.1)
        torch.nn.init.normal_(warp.proj_out.weight, std=0.1)
    pipeline = TryOnDiffusionPipeline(
        autoencoder=new_autoencoder((16, 16, 16)).eval(),
        image_encoder=ImageEncoder(hidden_channels=8, cross_attention_dim=12),
        unet=unet.eval(),
        scheduler=new_scheduler(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def released(pipeline):
    """The same networks with the released noise levels."""
    other = pipeline.with_sampler("ddim")
    other.scheduler = released_scheduler("ddim", prediction_type="sample")
    return other


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    images = {n: torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1 for n in ("garment", "agnostic", "dense_pose")}
    mask = torch.zeros(2, 1, 32, 24)
    mask[:, :, 8:24, 6:18] = 1
    return {**images, "agnostic_mask": mask}


def run(pipeline, inputs, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return pipeline(**inputs, num_inference_steps=3, generator=generator, **options).images


def test_a_batch_knows_what_a_pipeline_must_be_given():
    arguments = inspect.signature(TryOnDiffusionPipeline.__call__).parameters.values()
    required = {a.name for a in arguments if a.default is a.empty and a.name != "self"}
    batch = World(DataConfig(height=32, width=24)).paired("test", torch.arange(1))
    assert batch.inputs.keys() == required
    assert all(given is getattr(batch, name) for name, given in batch.inputs.items())


def test_the_seed_decides(pipeline, inputs):
    assert torch.equal(run(pipeline, inputs), run(pipeline, inputs))
    assert not torch.equal(run(pipeline, inputs), run(pipeline, inputs, seed=1))


def test_images_are_in_range_and_kept_outside_the_mask(pipeline, inputs):
    images, keep = run(pipeline, inputs), inputs["agnostic_mask"].expand(2, 3, 32, 24) == 0
    assert images.shape == (2, 3, 32, 24)
    assert images.abs().max() <= 1
    assert torch.equal(images[keep], inputs["agnostic"][keep])
    assert not torch.equal(run(pipeline, inputs, repaint=False)[keep], inputs["agnostic"][keep])


def test_the_garment_matters(pipeline, inputs):
    other = {**inputs, "garment": inputs["garment"].flip(0)}
    assert not torch.allclose(run(pipeline, inputs), run(pipeline, other))


def test_guidance_of_one_is_none_and_more_changes_the_result(pipeline, inputs):
    assert not torch.allclose(run(pipeline, inputs), run(pipeline, inputs, guidance_scale=3.0))
    null = pipeline.image_encoder.learnable_vector.data.clone()
    try:
        pipeline.image_encoder.learnable_vector.data.zero_()
        assert torch.equal(run(pipeline, inputs), run(pipeline, inputs, guidance_scale=1.0))
    finally:
        pipeline.image_encoder.learnable_vector.data.copy_(null)


def test_the_callback_sees_every_step_and_may_change_the_latents(pipeline, inputs):
    seen = []

    def callback(_, index, timestep, tensors):
        seen.append((index, int(timestep)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    images = run(pipeline, inputs, callback_on_step_end=callback)
    assert [index for index, _ in seen] == [0, 1, 2]
    assert seen[0][1] == 999, "the first step is pure noise"
    assert torch.equal(images, run(pipeline, inputs, seed=5, callback_on_step_end=callback)), "latents were replaced"


def test_saved_and_loaded_pipelines_are_equal_and_hold_no_pickle(pipeline, inputs, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = TryOnDiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(run(loaded, inputs), run(pipeline, inputs))
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}


def test_attention_is_read_by_block(pipeline, inputs):
    records = pipeline.read_attention(inputs["agnostic"], **inputs)
    assert list(records) == ["warps.1", "warps.0"], "in the order of the decoder"
    assert all(record.query_grid == (8, 6) for record in records.values())


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("garment", (2, 3, 16, 24), r"garment is \(2, 3, 16, 24\)"),
        ("agnostic_mask", (1, 1, 32, 24), r"agnostic_mask is \(1, 1, 32, 24\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(pipeline, inputs, name, shape, message):
    with pytest.raises(ValueError, match=message):
        run(pipeline, {**inputs, name: torch.zeros(shape)})


@pytest.mark.parametrize("height", [30, 28])
def test_sizes_the_model_cannot_take_are_refused_in_pixels(pipeline, inputs, height):
    odd = {name: image[..., :height, :] for name, image in inputs.items()}
    with pytest.raises(ValueError, match=f"pictures are {height}x24: height and width must be multiples of 8"):
        run(pipeline, odd)


def test_the_stored_number_of_steps_is_the_default(pipeline, inputs, tmp_path):
    pipeline.register_to_config(default_denoising_steps=3)
    images = pipeline(**inputs, generator=torch.Generator().manual_seed(0)).images
    assert torch.equal(images, run(pipeline, inputs))
    pipeline.save_pretrained(tmp_path)
    loaded = read_pipeline(tmp_path)
    assert loaded.config.default_denoising_steps == 3
    assert torch.equal(loaded(**inputs, generator=torch.Generator().manual_seed(0)).images, images)
    pipeline.register_to_config(default_denoising_steps=20)


def test_bytes_and_no_steps_are_refused(pipeline, inputs):
    with pytest.raises(ValueError, match="agnostic_mask has values from 0 to 255"):
        run(pipeline, {**inputs, "agnostic_mask": 255 * inputs["agnostic_mask"]})
    with pytest.raises(ValueError, match="num_inference_steps is 0: expected at least 1"):
        pipeline(**inputs, num_inference_steps=0)


def test_soft_blending_is_the_released_one_where_the_agnostic_image_is_greyed_by_its_mask():
    generator = torch.Generator().manual_seed(0)
    made, person = torch.rand(2, 2, 3, 32, 24, generator=generator) * 2 - 1
    soft = torch.rand(2, 1, 32, 24, generator=generator)
    expected = person * (1 - soft) + made * soft
    torch.testing.assert_close(blend_pixels(made, person * (1 - soft), soft), expected)


def test_blended_latents_are_the_noised_agnostic_ones_outside_the_mask_after_each_step(released, inputs):
    seen = []

    def callback(_, index, timestep, tensors):
        seen.append(tensors["latents"])
        return {}

    noise = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(3))
    for pipeline in (released, released.with_sampler("plms")):
        seen.clear()
        free = run(pipeline, inputs, latents=noise, repaint=False)
        kept = run(pipeline, inputs, latents=noise, repaint=False, repaint_latents=True, callback_on_step_end=callback)
        assert not torch.allclose(free, kept)
        conditions = pipeline._conditions(inputs)
        outside = (conditions.keep == 1).expand_as(noise)
        times = pipeline.scheduler.timesteps
        assert outside.any() and len(seen) == len(times)
        for latents, time in zip(seen, times[1:], strict=False):
            known = pipeline.scheduler.add_noise(conditions.agnostic, noise, time[None])
            assert torch.equal(latents[outside], known[outside])
        assert torch.equal(seen[-1][outside], conditions.agnostic[outside])


def test_plms_asks_the_network_once_more_and_shares_it(released, inputs):
    plms = released.with_sampler("plms")
    assert isinstance(plms.scheduler, PLMSScheduler) and plms.unet is released.unet
    seen = []
    images = run(plms, inputs, callback_on_step_end=lambda _, index, time, __: seen.append((index, int(time))) or {})
    assert seen == [(0, 999), (1, 667), (2, 667), (3, 334), (4, 1)], "3 does not divide 1000: four steps, five calls"
    assert torch.equal(images, run(plms, inputs)), "nothing is left of the first run"
    assert not torch.allclose(images, run(released, inputs), atol=1e-3)


def test_the_leaking_start_is_the_noised_person(released, inputs, pipeline):
    person = inputs["agnostic"].flip(-1)
    noise = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(3))
    leaking = run(released, inputs, latents=noise, start="leaking", person=person)
    alpha = released.scheduler.alphas_cumprod[999]
    assert alpha.sqrt() == pytest.approx(0.068, abs=5e-4)
    target = released.autoencoder.encode(person).latent_dist.mode() * released.autoencoder.config.scaling_factor
    given = alpha.sqrt() * target + (1 - alpha).sqrt() * noise
    torch.testing.assert_close(leaking, run(released, inputs, latents=given), atol=1e-5, rtol=0)
    assert not torch.allclose(leaking, run(released, inputs, latents=noise), atol=1e-3)
    fair = run(pipeline, inputs, latents=noise)
    assert torch.equal(run(pipeline, inputs, latents=noise, start="leaking", person=person), fair), "pure noise"


def test_guidance_compares_with_a_branch_that_lacks_what_it_is_on(pipeline, inputs):
    """At scale 0 only the branch that knows less is left. What it still sees of the garment changes it."""
    garments = [inputs["garment"], inputs["garment"].flip(0)]
    conditions = pipeline._conditions(inputs)
    token = pipeline.image_encoder(conditions.garment)

    def less(guidance_on, garment, token):
        return run(pipeline, {**inputs, "garment": garment}, guidance_scale=0.0, guidance_on=guidance_on, token=token)

    for guidance_on, features, tokens in (("token", 1, 0), ("features", 0, 1), ("both", 0, 0)):
        first, other = (less(guidance_on, garment, token) for garment in garments)
        assert torch.equal(first, other) != features, guidance_on
        told = less(guidance_on, garments[0], -token)
        if guidance_on != "token":  # there the features see the token too
            assert torch.equal(first, told) != tokens, guidance_on


def test_latents_of_pictures_are_drawn_when_asked_for(pipeline, inputs):
    noise = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(3))
    calls = []
    results = {}
    for posterior in ("mode", "sample", "sample_each_call"):
        original = pipeline.unet.encode_garment
        pipeline.unet.encode_garment = lambda *a, f=original, **k: calls.append(a[0]) or f(*a, **k)
        calls.clear()
        results[posterior] = run(pipeline, inputs, latents=noise, posterior=posterior)
        pipeline.unet.encode_garment = original
        assert torch.equal(results[posterior], run(pipeline, inputs, latents=noise, posterior=posterior)), "seeded"
        again = run(pipeline, inputs, seed=1, latents=noise, posterior=posterior)
        assert torch.equal(results[posterior], again) == (posterior == "mode")
        assert len(calls) == (1 if posterior != "sample_each_call" else 4)
        assert len({float(call.sum()) for call in calls}) == len(calls), "another draw each time"
    assert not torch.allclose(results["sample"], results["mode"])


def test_a_batch_of_drawn_latents_equals_its_samples_alone(pipeline, inputs):
    drawn = {"num_inference_steps": 2, "posterior": "sample"}
    seeds = [torch.Generator().manual_seed(seed) for seed in (4, 5)]
    together = pipeline(**inputs, generator=seeds, **drawn).images
    alone = pipeline(**{n: v[1:] for n, v in inputs.items()}, generator=[torch.Generator().manual_seed(5)], **drawn)
    torch.testing.assert_close(alone.images[0], together[1], atol=1e-5, rtol=0)


def test_the_released_mask_is_stored_and_changes_edges_alone(pipeline, inputs, tmp_path):
    released = TryOnDiffusionPipeline(**pipeline.components, released_mask=True)
    released.save_pretrained(tmp_path)
    loaded = read_pipeline(tmp_path).with_sampler("ddim")
    assert loaded.config.released_mask and not pipeline.config.released_mask
    shifted = {**inputs, "agnostic_mask": inputs["agnostic_mask"].roll(1, -1)}
    ours, theirs = (p._conditions(shifted).keep for p in (pipeline, loaded))
    assert ours.unique().tolist() == [0, 0.25, 0.75, 1] and theirs.unique().tolist() == [0, 1]


def test_a_batch_equals_its_samples_alone(pipeline, inputs):
    together = pipeline(
        **inputs, num_inference_steps=3, generator=[torch.Generator().manual_seed(seed) for seed in (4, 5)]
    ).images
    for number, seed in enumerate((4, 5)):
        alone = run(pipeline, {name: value[number] for name, value in inputs.items()}, seed=seed)
        assert alone.shape == (1, 3, 32, 24)
        torch.testing.assert_close(alone[0], together[number], atol=1e-5, rtol=0)


def test_pictures_of_any_kind_give_the_same(pipeline, inputs):
    """PIL images, arrays and tensors of the same bytes."""
    tensors = {name: (value * 255).round() / 255 for name, value in inputs.items() if name == "agnostic_mask"}
    tensors |= {name: ((v + 1) * 127.5).round() / 127.5 - 1 for name, v in inputs.items() if name != "agnostic_mask"}
    pictures = {name: TryOnOutput(images=v.expand(2, 3, 32, 24)).pil() for name, v in tensors.items()}
    pictures["agnostic_mask"] = [
        picture.convert("L")
        for picture in TryOnOutput(images=tensors["agnostic_mask"].expand(2, 3, 32, 24) * 2 - 1).pil()
    ]
    arrays = {name: TryOnOutput(images=v).numpy() for name, v in tensors.items() if name != "agnostic_mask"}
    arrays["agnostic_mask"] = tensors["agnostic_mask"][:, 0].numpy()
    expected = run(pipeline, tensors)
    for given in (pictures, arrays):
        torch.testing.assert_close(run(pipeline, given), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_other_prediction_types_are_sampled_and_guided(released, inputs, prediction_type):
    released.scheduler = released_scheduler("plms", prediction_type=prediction_type)
    images = run(released, inputs, guidance_scale=2.0)
    assert images.isfinite().all() and not torch.allclose(images, run(released, inputs))


def test_the_sampler_is_stored(released, inputs, tmp_path):
    plms = released.with_sampler("plms")
    plms.save_pretrained(tmp_path)
    for loaded in (read_pipeline(tmp_path), TryOnDiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)):
        loaded.set_progress_bar_config(disable=True)
        assert isinstance(loaded.scheduler, PLMSScheduler)
        assert torch.equal(run(loaded, inputs), run(plms, inputs))


def test_a_given_token_takes_the_place_of_the_encoders(pipeline, inputs):
    token = pipeline.image_encoder(pipeline._conditions(inputs).garment)
    assert torch.equal(run(pipeline, inputs, token=token), run(pipeline, inputs))
    assert not torch.allclose(run(pipeline, inputs, token=-token), run(pipeline, inputs))


def test_bfloat16_keeps_pixels_exactly(pipeline, inputs):
    images = run(copy.deepcopy(pipeline).to(torch.bfloat16), inputs)
    keep = inputs["agnostic_mask"].expand(2, 3, 32, 24) == 0
    assert images.isfinite().all() and torch.equal(images[keep], inputs["agnostic"][keep])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "leaking"}, "start is 'leaking': person is expected for start='leaking'"),
        ({"person": torch.zeros(2, 3, 32, 24)}, "start is 'noise': person is expected for start='leaking'"),
        ({"start": "pure"}, "start is 'pure': expected one of noise, leaking"),
        ({"guidance_on": "all"}, "guidance_on is 'all': expected one of token, features, both"),
        ({"posterior": "mean"}, "posterior is 'mean': expected one of mode, sample, sample_each_call"),
        ({"latents": torch.zeros(2, 4, 8, 8)}, r"latents are \(2, 4, 8, 8\): expected \(2, 4, 8, 6\)"),
    ],
)
def test_options_that_do_not_exist_or_fit_are_refused(pipeline, inputs, options, message):
    with pytest.raises(ValueError, match=message):
        run(pipeline, inputs, **options)


def test_mistakes_are_warned_of(pipeline, inputs):
    with pytest.warns(InputWarning, match="agnostic_mask .* looks inverted"):
        run(pipeline, {**inputs, "agnostic_mask": 1 - inputs["agnostic_mask"]})
