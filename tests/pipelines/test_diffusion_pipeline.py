"""The try-on pipeline: seeded, savable, honest about its inputs."""

import pytest
import torch

from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.pipelines.load import read_pipeline
from vtonlib.tasks.stable_viton import new_scheduler


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
def inputs():
    generator = torch.Generator().manual_seed(1)
    images = {n: torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1 for n in ("garment", "agnostic", "dense_pose")}
    mask = torch.zeros(2, 1, 32, 24)
    mask[:, :, 8:24, 6:18] = 1
    return {**images, "agnostic_mask": mask}


def run(pipeline, inputs, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return pipeline(**inputs, num_inference_steps=3, generator=generator, **options).images


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


def test_sizes_the_model_cannot_take_are_refused(pipeline, inputs):
    odd = {name: image[..., :30, :] for name, image in inputs.items()}
    with pytest.raises(ValueError, match="30x24; both sides must be multiples of 4"):
        run(pipeline, odd)
    odd = {name: image[..., :28, :] for name, image in inputs.items()}
    with pytest.raises(ValueError, match="7x6; both sides must be multiples of 2"):
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
