"""Leffa's released inference: schedules, pictures, rescaled guidance, repainting, and runs with recorded noise."""

from collections.abc import Iterator
from itertools import count

import pytest
import torch
from diffusers import AutoencoderKL
from leffa_goldens import tiny_model
from PIL import Image
from stable_viton_goldens import assert_near, state, tensors
from torch import Tensor

from vtonlib.diffusion import rescale_guidance
from vtonlib.images import to_uint8
from vtonlib.official import load
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.pipelines.released import released_pictures, released_repaint
from vtonlib.pipelines.schedulers import released_scheduler

DRAWS = "diffusers.schedulers.scheduling_ddpm.randn_tensor"
"""What DDPM draws its steps' noise with."""
RUNS = {"leffa_pipeline": "each", "leffa_pipeline_ref_acceleration": "once"}
"""The recorded runs, and when the reference is read in them."""


def bytes_of(image: Tensor) -> Tensor:
    """Images [1 3 h w] in [-1, 1], cut down to whole bytes or rounded: as the release stores them."""
    return to_uint8(image)[0].int()


@pytest.fixture(scope="module")
def pipeline() -> LeffaPipeline:
    coder = load("leffa_try_on_autoencoder", state("leffa_pipeline"), norm_num_groups=8)
    assert isinstance(coder, AutoencoderKL)
    made = LeffaPipeline(coder.eval(), tiny_model("sd").eval(), released_scheduler("ddpm"), order="leffa_released")
    made.set_progress_bar_config(disable=True)
    return made


@pytest.mark.parametrize("name", RUNS)
def test_every_step_and_the_picture_are_the_released_ones(
    name: str, pipeline: LeffaPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tensors(name)
    noises: Iterator[Tensor] = (golden[f"step_noise.{index}"] for index in count())
    monkeypatch.setattr(DRAWS, lambda *shape, **options: next(noises))
    predicted, latents = [], []
    step = pipeline.scheduler.step
    monkeypatch.setattr(
        pipeline.scheduler,
        "step",
        lambda output, *rest, generator=None: predicted.append(output) or step(output, *rest, generator=generator),
    )
    made = pipeline(
        garment=golden["ref_image"],
        agnostic=golden["src_image"] * (golden["mask"] < 0.5),
        agnostic_mask=golden["mask"],
        dense_pose=golden["densepose"],
        num_inference_steps=5,
        guidance_scale=2.5,
        guidance_rescale=2.5,
        reference_steps=RUNS[name],
        latents=golden["init_noise"],
        repaint=False,
        callback_on_step_end=lambda _, __, ___, given: latents.append(given["latents"]) or {},
    )
    assert pipeline.scheduler.timesteps.tolist() == golden["timesteps"].tolist()
    for index in range(5):
        assert_near(predicted[index], golden[f"guided_eps.{index}"], rtol=2e-3)
        assert_near(latents[index], golden[f"latent.{index}"], rtol=2e-3)
    assert (bytes_of(made.images) - golden["image_uint8"].int()).abs().max() <= 1


def test_the_released_conditions(pipeline: LeffaPipeline) -> None:
    golden = tensors("leffa_pipeline")
    pictures = {"agnostic": golden["src_image"] * (golden["mask"] < 0.5), "agnostic_mask": golden["mask"]}
    given = {"garment": golden["ref_image"], "dense_pose": golden["densepose"], **pictures}
    conditions = pipeline._conditions(given)
    assert_near(conditions.agnostic, golden["masked_latent"])
    assert_near(conditions.garment, golden["ref_latent"])


def test_the_released_pose_transfer_needs_a_reference_and_a_pose(pipeline: LeffaPipeline) -> None:
    """The release gives SDXL's pair a mask of ones and a masked picture of zeros; here both may be left out."""
    golden, levels = tensors("leffa_pipeline"), released_scheduler("ddpm", zero_terminal=True)
    posing = LeffaPipeline(pipeline.autoencoder, tiny_model("xl").eval(), levels, order="leffa_released")
    posing.set_progress_bar_config(disable=True)
    dummies = {"agnostic": torch.zeros(1, 3, 48, 32), "agnostic_mask": torch.ones(1, 1, 48, 32)}
    asked = {"garment": golden["ref_image"], "dense_pose": golden["densepose"], "num_inference_steps": 2}
    without, given, other = (
        posing(**asked | changes, generator=torch.Generator().manual_seed(0)).images
        for changes in ({}, dummies, {"dense_pose": golden["densepose"].flip(-1)})
    )
    assert torch.equal(without, given) and without.isfinite().all()
    assert not torch.equal(without, other)


@pytest.mark.parametrize(("name", "zero_terminal"), [("sd15", False), ("sdxl_zero_snr", True)])
def test_noise_levels_time_steps_and_steps(name: str, zero_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = {
        key.removeprefix(f"{name}."): value
        for key, value in tensors("leffa_schedules").items()
        if key.startswith(f"{name}.")
    }
    scheduler = released_scheduler("ddpm", zero_terminal=zero_terminal)
    assert_near(scheduler.alphas_cumprod, golden["alphas_cumprod"], rtol=2e-5)
    for steps in (5, 30, 50):
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.tolist() == golden[f"timesteps.{steps}"].tolist()
    monkeypatch.setattr(DRAWS, lambda *shape, **options: golden["step.noise"])
    for time in (981, 481, 1):
        made = scheduler.step(golden["step.eps"], time, golden["step.x"])
        assert_near(made.prev_sample, golden[f"step.prev@{time}"], rtol=2e-5)
        assert_near(made.pred_original_sample, golden[f"step.x0@{time}"], rtol=2e-5)


@pytest.mark.equation("eq-rescaled-guidance")
@pytest.mark.parametrize("share", [0.0, 0.7, 1.0, 2.5])
def test_rescaled_guidance(share: float) -> None:
    golden = tensors("leffa_rescale_cfg")
    made = rescale_guidance(golden["noise_cfg"], golden["noise_cond"], share)
    assert_near(made, golden[f"out.{share}"], rtol=2e-5)


def test_repainting() -> None:
    golden = tensors("leffa_repaint")
    person, result = (golden[name].movedim(-1, 0)[None].float() / 127.5 - 1 for name in ("person", "result"))
    made = released_repaint(result, person, golden["mask"][None, None, ..., 0].float() / 255)
    assert (bytes_of(made) - golden["out"].int()).abs().max() <= 1


def test_pictures_are_resized_and_masked() -> None:
    """The reference of another ratio is shrunk in height first, as the recorded run did: Pillow 13 and later choose
    that order where height shrinks more, earlier versions never. All else is of one ratio, where both agree."""
    golden = tensors("leffa_transform")
    given = {
        name: Image.fromarray(golden[f"in.{name}"].numpy()) for name in ("src_image", "ref_image", "densepose", "mask")
    }
    reference = given["ref_image"].resize((given["ref_image"].width, 64), Image.Resampling.LANCZOS)
    size = {"height": 64, "width": 48}
    made = released_pictures(
        garment=reference,
        person=given["src_image"],
        agnostic_mask=given["mask"],
        dense_pose=given["densepose"],
        **size,
    )
    hidden = golden["out.mask"] >= 0.5
    expected = {
        "garment": golden["out.ref_image"],
        "agnostic": golden["out.src_image"].masked_fill(hidden, 0),
        "agnostic_mask": golden["out.mask"],
        "dense_pose": golden["out.densepose"],
    }
    assert made.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(made[name], value, atol=1e-6, rtol=0)
    posing = released_pictures(garment=reference, dense_pose=given["densepose"], **size)
    assert posing.keys() == {"garment", "dense_pose"}
    with pytest.raises(ValueError, match="agnostic_mask is given without person: expected both or neither"):
        released_pictures(garment=reference, agnostic_mask=given["mask"], dense_pose=given["densepose"], **size)
