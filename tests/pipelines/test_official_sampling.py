"""The official samplers' results, step by step: DDIM with guidance, PLMS without, and their schedule."""

import pytest
import torch
from stable_viton_goldens import assert_near, tensors, tiny_model

from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.models.conditions import Conditions
from vtonlib.models.image_encoder import ImageEncoder, PooledImageEncoder
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.pipelines.load import read_pipeline
from vtonlib.pipelines.schedulers import released_scheduler, released_timesteps

CASES = {"ddim": (5, 5.0), "plms": (6, 1.0)}
"""Steps and guidance scale of each golden."""


@pytest.fixture(scope="module")
def unet():
    return tiny_model()


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_every_step_is_the_official_one(name, unet):
    (steps, scale), golden = CASES[name], tensors(f"sv_sampling_{name}")
    encoder = ImageEncoder(cross_attention_dim=golden["context"].shape[-1])
    encoder.learnable_vector.data.copy_(golden["uncond_context"])
    pipeline = TryOnDiffusionPipeline(new_autoencoder((8, 8)), encoder, unet, released_scheduler(name))
    pipeline.set_progress_bar_config(disable=True)
    agnostic, keep, dense_pose = golden["cond"].split((4, 1, 4), dim=1)
    conditions = Conditions(agnostic, keep, dense_pose, golden["hint"])
    predict = pipeline._predictor(conditions, golden["context"], scale, "token", None)
    pipeline.scheduler.set_timesteps(steps)
    seen = []
    callback = lambda _, __, ___, given: seen.append(given["latents"]) or {}  # noqa: E731
    sample = pipeline._denoise(predict, golden["x_T"], golden["x_T"], None, callback)
    after = seen[1:] if name == "plms" else seen  # PLMS looks ahead once before its first step
    assert len(after) == len(golden["ddim_timesteps"])
    for number, latents in enumerate(after, start=1):
        assert_near(latents, golden[f"x.{number}"], rtol=1e-3)
    assert_near(sample, golden["sample"], rtol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_noise_levels_and_time_steps_are_the_official_ones(name):
    golden, scheduler = tensors("sv_schedule"), released_scheduler(name)
    for official, ours in (("betas", scheduler.betas), ("alphas_cumprod", scheduler.alphas_cumprod)):
        torch.testing.assert_close(ours, golden[official], atol=1e-7, rtol=1e-6)
    for steps in (5, 30, 50):
        assert released_timesteps(steps) == golden[f"ddim_timesteps.{steps}"].tolist()
    of_run = tensors(f"sv_sampling_{name}")
    assert released_timesteps(CASES[name][0]) == of_run["ddim_timesteps"].tolist()
    before = [scheduler.final_alpha_cumprod, *of_run["ddim_alphas"][:-1]]
    torch.testing.assert_close(torch.tensor(before), of_run["ddim_alphas_prev"], atol=1e-6, rtol=0)
    scheduler.set_timesteps(50)
    assert sorted(set(scheduler.timesteps.tolist())) == golden["ddim_timesteps.50"].tolist()
    assert len(scheduler.timesteps) == (51 if name == "plms" else 50), "network calls"


def test_the_release_runs_from_pictures_to_pictures(unet, tmp_path):
    """With an autoencoder of eight pixels per latent, CLIP's token, the released masks, PLMS and the leaking start."""
    torch.manual_seed(0)
    made = TryOnDiffusionPipeline(
        new_autoencoder((8, 8, 8, 8)).eval(),
        PooledImageEncoder(width=24, layers=1, cross_attention_dim=32).eval(),
        unet,
        released_scheduler("plms"),
        default_denoising_steps=2,
        released_mask=True,
    )
    made.save_pretrained(tmp_path)
    pipeline = read_pipeline(tmp_path)
    assert isinstance(pipeline.image_encoder, PooledImageEncoder)
    generator = torch.Generator().manual_seed(1)
    names = ("garment", "agnostic", "dense_pose")
    pictures = {name: torch.rand(1, 3, 192, 128, generator=generator) * 2 - 1 for name in names}
    pictures["agnostic_mask"] = torch.zeros(1, 1, 192, 128)
    pictures["agnostic_mask"][..., 40:150, 30:100] = 1
    with torch.no_grad():
        token = pipeline.image_encoder(torch.randn(1, 24, generator=generator))
    leaks = {"start": "leaking", "person": pictures["agnostic"], "posterior": "sample_each_call"}
    results = [
        p(**pictures, **leaks, token=token, generator=torch.Generator().manual_seed(0)) for p in (made, pipeline)
    ]
    made.set_progress_bar_config(disable=True)
    torch.testing.assert_close(results[0].images, results[1].images, atol=1e-4, rtol=0)
    assert results[0].images.shape == (1, 3, 192, 128)
    assert list(pipeline.read_attention(results[0].images, **pictures, token=token))
    with pytest.raises(
        ValueError, match="token is missing: this pipeline's image encoder reads CLIP's pooled features"
    ):
        pipeline(**pictures)
