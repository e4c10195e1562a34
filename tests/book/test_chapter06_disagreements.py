"""Where papers and released code differ on latent diffusion for try-on: each variant written from its description."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.diffusion import add_noise, guided, noise_schedule, zero_terminal
from vtonlib.grids import resize_mask
from vtonlib.models.autoencoder import encode, load_autoencoder
from vtonlib.models.conditions import encode_conditions
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.tasks.latent_diffusion import new_scheduler
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.mark.disagreement("D32")
def test_the_released_start_holds_the_answer() -> None:
    """Two people, the same noise: their starts differ by 7 % of their difference; with pure noise they are one."""
    first, second, noise = torch.randn(3, 1, 4, 8, 6, generator=torch.Generator().manual_seed(0)).unbind()
    for levels, share in ((noise_schedule(), 0.068), (zero_terminal(noise_schedule()), 0.0)):
        apart = add_noise(first, noise, float(levels[-1])) - add_noise(second, noise, float(levels[-1]))
        torch.testing.assert_close(apart, share * (first - second), rtol=0.01, atol=1e-6)
    ours = new_scheduler()
    ours.set_timesteps(10)
    start = ours.add_noise(first, noise, ours.timesteps[:1])
    torch.testing.assert_close(start, noise, atol=1e-2, rtol=0)


@pytest.mark.disagreement("D33")
def test_where_sampling_begins_and_ends() -> None:
    released = DDIMScheduler(**SD, set_alpha_to_one=False, timestep_spacing="leading", steps_offset=1)
    released.set_timesteps(50)
    assert released.timesteps[0] == 981 and released.timesteps[-1] == 1  # the start is noised to 999 all the same
    assert released.final_alpha_cumprod == released.alphas_cumprod[0] < 1
    ours = new_scheduler()
    ours.set_timesteps(50)
    assert ours.timesteps[0] == 999 and ours.final_alpha_cumprod == 1
    # a perfect prediction: theirs ends in a faintly noisy picture, ours in the picture
    clean, noise = torch.ones(1, 1, 2, 2), torch.randn(1, 1, 2, 2)
    for scheduler in (released, ours):
        scheduler.register_to_config(prediction_type="sample")
        last = scheduler.timesteps[-1]
        end = scheduler.step(clean, last, scheduler.add_noise(clean, noise, last[None])).prev_sample
        assert torch.allclose(end, clean, atol=1e-5) == (scheduler is ours)


@pytest.mark.disagreement("D34")
def test_latents_are_the_mode_and_encoded_once() -> None:
    autoencoder = load_autoencoder()
    batch = World(DataConfig()).paired("test", torch.arange(1))
    posterior = autoencoder.encode(batch.garment).latent_dist
    torch.testing.assert_close(encode(autoencoder, batch.garment), posterior.mode() * autoencoder.config.scaling_factor)
    assert not torch.equal(posterior.sample(), posterior.sample())
    pipeline = StableVITONTask(StableVITONConfig(block_out_channels=(16, 16), num_attention_heads=1)).pipeline()
    pipeline.set_progress_bar_config(disable=True)
    calls = []
    for steps in (1, 3):
        with patch.object(pipeline.autoencoder, "encode", wraps=pipeline.autoencoder.encode) as counted:
            pipeline(**batch.inputs, num_inference_steps=steps)
        calls.append(counted.call_count)
    assert calls[0] == calls[1]  # not anew at every step


@pytest.mark.disagreement("D35")
def test_masks_by_area_and_one_means_keep() -> None:
    """Bilinear without antialiasing looks at the middle of each block: it misses thin lines, and sees quarters."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 1] = 1  # a line one pixel wide, in a block of eight
    released = F.interpolate(mask, (2, 2), mode="bilinear", antialias=False)
    assert released.abs().max() == 0 and torch.equal(resize_mask(mask, 2, 2)[0, 0, :, 0], torch.full((2,), 1 / 8))
    soft = F.interpolate((torch.rand(1, 1, 64, 48) > 0.5).float(), (8, 6), mode="bilinear", antialias=False)
    assert set(soft.flatten().tolist()) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    batch = World(DataConfig()).paired("test", torch.arange(1))
    conditions = encode_conditions(load_autoencoder(), **batch.inputs)
    torch.testing.assert_close(conditions.keep, 1 - resize_mask(batch.agnostic_mask, *conditions.keep.shape[-2:]))
    assert conditions.inputs(torch.zeros_like(conditions.agnostic))[:, 8].equal(conditions.keep[:, 0])


@pytest.mark.disagreement("D36")
def test_the_null_vector_for_each_sample_and_guidance() -> None:
    encoder = ImageEncoder(cross_attention_dim=8)
    garment, drop = torch.randn(4, 4, 8, 6), torch.tensor([True, False, True, False])
    token = encoder(garment, drop=drop)
    null = encoder.learnable_vector.expand_as(token)
    assert [torch.equal(t, n) for t, n in zip(token, null, strict=True)] == drop.tolist()  # released: all or none
    torch.testing.assert_close(guided(token, null, 1.0), token)  # its script's scale: no guidance
    exaggerated = guided(token, null, 5.0) - null
    torch.testing.assert_close(exaggerated, 5 * (token - null))  # its validation's
