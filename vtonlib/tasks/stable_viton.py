# budget: a third are settings, each explained where it stands
"""Training a StableVITON: noise the person's latents, let the model undo it, look only at what must be painted.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.config import TrainConfig
from vtonlib.data.augment import Augmentation, augmented
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TryOnSource, training_batches
from vtonlib.losses.diffusion import denoising
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.settings import Count, Natural, Settings, Share, Weight
from vtonlib.tasks.base import Phase, Task
from vtonlib.tasks.initial import load_initial
from vtonlib.tasks.latents import LatentBatch, LatentSource, dense_pose_of, encode_batch
from vtonlib.tasks.supervision import Following, Shaping, Supervision, follow, observe, shape, supervise


@dataclass(frozen=True, kw_only=True, slots=True)
class StableVITONConfig(Settings):
    """Shape of the model and of its loss."""

    block_out_channels: tuple[Count, ...] = (64, 128)
    """Channels by level of the U-Net; each after the first halves the size."""
    layers_per_block: Count = 1
    """Residual blocks of a level."""
    attention_levels: tuple[bool, ...] = (True, True)
    """Which levels attend."""
    num_attention_heads: Count = 4
    """Attention heads."""
    cross_attention_dim: Count = 64
    """Width of the garment's token."""
    norm_num_groups: Count = 8
    """Groups of the group norms."""
    control_sees: Literal["garment", "person"] = "garment"
    """What the control branch is fed with: the garment alone, or the noisy person too, as in the released code."""
    garment_network: Literal["encoder", "unet"] = "encoder"
    """What reads the garment alone: an encoder, as in the paper, or a whole UNet, whose fine maps know all of it."""
    zero_layers: Literal[1, 2] = 1
    """Layers of each block that begin at zero; the released code has two."""
    carries_latents: bool = False
    """Whether the finest blocks carry the garment's latents to the output over a short way, see ``Composition``."""
    sharp_teaches: bool = False
    """Whether attention also learns from where the short way reads sharply, see ``Composition.sharp_teaches``."""
    patch_size: Count = 1
    """Rows and columns of latents in one token."""
    keys_see: Literal["garment", "place"] = "garment"
    """What the keys of zero cross-attention are made of; ``place`` trains the blind twin."""
    trains: Literal["all", "base", "garment"] = "all"
    """What learns: everything; the ``base`` alone, a denoiser that knows the garment by its token only, as
    Paint-by-Example does (attention to the garment stays shut); or what reads the ``garment``, with the base frozen,
    as in the paper."""
    base_rate: Weight = 1.0
    """Learning rate of the base, as a multiple of the others'."""
    initial: str = ""
    """Run or pipeline folder whose weights training starts from, at any image size; empty: from scratch."""
    drop_token: Share = 0.1
    """Probability of replacing the garment's token by the null vector (StableVITON's code: 0.2)."""
    drop_per: Literal["sample", "batch"] = "sample"
    """Whether each sample draws for itself, or the whole batch at once (StableVITON's code)."""
    drop_garment: Share = 0.0
    """Probability, for each sample, of hiding the garment from its encoder too: what guidance on it needs."""
    pure_noise: Share = 0.0
    """Probability, for each sample, of the highest noise level, where nothing of the person is left to clean up."""
    supervision: Supervision = field(default_factory=Supervision)
    """Attention told the true correspondence."""
    shaping: Shaping = field(default_factory=Shaping)
    """Losses on attention that need no truth."""
    following: Following = field(default_factory=Following)
    """Leffa's loss, on latents: the garment's, warped, against the person's."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """Variants of the examples; those of ``cached_examples`` are drawn once, see ``cached_copies``."""
    keep_weight: Weight = 0.1
    """Weight of the loss where nothing has to be painted."""
    cached_examples: Natural = 0
    """Train on the latents of this many examples, computed once (see ``LatentSource``); 0: on all, computed at every
    step."""
    cached_copies: Count = 1
    """Variants of each cached example, where there is augmentation."""
    denoising_steps: Count = 20
    """Of the trained pipeline, unless it is told otherwise; how many are best depends on the training."""
    autoencoder: str = ""
    """Folder of the autoencoder; empty: the shipped one."""


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise levels, predicting the clean latents and ending in pure noise.

    Stable Diffusion predicts the noise. At high noise, where all of the garment must be looked up, the noise is nearly
    the input itself: predicting it asks little of attention. And of pure noise, where sampling starts here, a predicted
    noise gives no picture at all.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="sample",
        clip_sample=False,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


TRAINS = {
    "all": ("unet", "image_encoder"),
    "base": ("unet.unet", "image_encoder"),
    "garment": ("unet.garment_encoder", "unet.warps", "image_encoder"),
}
"""What learns, by ``StableVITONConfig.trains``."""


class StableVITONTask(Task):
    """One phase, ``denoiser``; the autoencoder stays as it is.

    The paper's stages are runs that start from one another: a base (``trains=base``), then what reads the garment
    (``initial=BASE trains=garment``), then a fine-tuning with losses on attention.

    Raises:
        FileNotFoundError: when ``config.initial`` holds no weights.
        ValueError: when they are of another shape, or of the latents of another autoencoder.

    Book: sec-zero-cross-attention.
    """

    averaged = ("unet", "image_encoder")

    def __init__(self, config: StableVITONConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder: AutoencoderKL = (
            load_autoencoder(Path(config.autoencoder)) if config.autoencoder else load_autoencoder()
        )
        self.unet = StableVITONUNet(
            block_out_channels=config.block_out_channels,
            layers_per_block=config.layers_per_block,
            attention_levels=config.attention_levels,
            num_attention_heads=config.num_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
            norm_num_groups=config.norm_num_groups,
            keys_see=config.keys_see,
            control_sees=config.control_sees,
            zero_layers=config.zero_layers,
            garment_network=config.garment_network,
            carries_latents=config.carries_latents,
            patch_size=config.patch_size,
        )
        if config.carries_latents:
            self.unet.composition.sharp_teaches = config.sharp_teaches
        self.image_encoder = ImageEncoder(cross_attention_dim=config.cross_attention_dim)
        if config.initial:
            load_initial(Path(config.initial), self.unet, self.image_encoder, self.autoencoder)
        self.scheduler = new_scheduler()
        composed = config.trains == "garment" and config.carries_latents
        self.phases = (
            Phase(
                name="denoiser",
                trains=TRAINS[config.trains] + (("unet.composition",) if composed else ()),
                loss=self.denoiser_loss,
                rates={} if config.base_rate == 1 else {"unet.unet": config.base_rate},
            ),
        )

    def denoiser_loss(self, batch: TryOnBatch | LatentBatch) -> dict[str, Tensor]:
        """The squared error of the predicted clean latents, mostly where the garment has to be painted; and the
        losses on attention."""
        latents = batch if isinstance(batch, LatentBatch) else encode_batch(self.autoencoder, batch)
        person, conditions = latents.person, latents.conditions
        time = self.sample_timesteps(len(person), person.device)
        noisy = self.scheduler.add_noise(person, torch.randn_like(person), time)
        inputs = conditions.inputs(noisy)
        token = self.image_encoder(conditions.garment, drop=self.dropped(len(person), person.device))
        seen = torch.rand(len(person), device=person.device) >= self.config.drop_garment
        terms: dict[str, Tensor] = {}
        if self.config.trains == "base":
            prediction = self.unet.paint(inputs, time, token)
        else:
            config, shown = self.config, seen.view(-1, 1, 1, 1)
            with observe(self, config.supervision, config.shaping, config.following) as (told, shaped, followed):
                prediction = self.predict(inputs, time, token, conditions.garment, seen)
            terms = supervise(config.supervision, told, latents.flow, latents.flow_mask * shown, time)
            terms |= shape(config.shaping, shaped, latents.worn * shown, time)
            terms |= follow(config.following, followed, (conditions.garment, person), latents.worn * shown, time)
        weight = 1 - (1 - self.config.keep_weight) * conditions.keep
        return {"denoise": denoising(prediction, person, weight), **terms}

    def predict(
        self,
        inputs: Float[Tensor, "b 13 h w"],
        time: Int[Tensor, " b"],
        token: Float[Tensor, "b 1 e"],
        garment: Float[Tensor, "b 4 h w"],
        seen: Bool[Tensor, " b"],
    ) -> Float[Tensor, "b 4 h w"]:
        """The clean latents; where the garment is not ``seen``, its encoder is given zeros and the null token."""
        shown = garment * seen.view(-1, 1, 1, 1)
        told = torch.where(seen.view(-1, 1, 1), token, self.image_encoder.learnable_vector)
        return self.unet(inputs, time, token, self.unet.encode_garment(shown, told))

    def dropped(self, count: int, device: torch.device) -> Bool[Tensor, " b"]:
        """Which samples get the null token."""
        draws = count if self.config.drop_per == "sample" else 1
        return (torch.rand(draws, device=device) < self.config.drop_token).expand(count)

    def batches(self, source: TryOnSource, config: TrainConfig) -> Callable[[int], Iterator[TryOnBatch | LatentBatch]]:
        """Batches of ``source``, or of the latents of its first examples; augmented, if that is asked for."""
        augmentation, seed = self.config.augmentation, config.seed
        if self.config.cached_examples:
            cached = LatentSource(
                source,
                self.autoencoder,
                self.config.cached_examples,
                augmentation=augmentation,
                copies=self.config.cached_copies,
                seed=seed,
            )
            self.train_examples = source.size("train")
            return lambda start: training_batches(cached, batch_size=config.batch_size, seed=seed, start=start)
        plain = super().batches(source, config)
        if not augmentation.active:
            return plain
        pose = dense_pose_of(source)
        return lambda start: augmented(plain(start), augmentation, seed=seed, start=start, dense_pose=pose)

    def sample_timesteps(self, count: int, device: torch.device) -> Int[Tensor, " b"]:
        """Noise levels drawn towards pure noise (1 - u^2), where the garment must be looked up, not cleaned up; and
        pure noise itself for a share of them."""
        last = self.scheduler.config.num_train_timesteps - 1
        drawn = 1 - torch.rand(count, device=device) ** 2
        time = (drawn * (last + 1)).long().clamp_max(last)
        if not self.config.pure_noise:
            return time
        return torch.where(torch.rand(count, device=device) < self.config.pure_noise, last, time)

    def pipeline(self) -> TryOnDiffusionPipeline:
        """The pipeline around the current weights."""
        return TryOnDiffusionPipeline(
            autoencoder=self.autoencoder,
            image_encoder=self.image_encoder,
            unet=self.unet,
            scheduler=self.scheduler,
            default_denoising_steps=self.config.denoising_steps,
        )

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, agnostic image, result (always from the same noise) and truth."""
        pipeline = self.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        result = pipeline(**batch.inputs, generator=torch.Generator().manual_seed(0)).images
        return batch.garment, batch.agnostic, result, batch.person

    def save(self, folder: Path) -> None:
        """The pipeline, as ``TryOnDiffusionPipeline.from_pretrained`` reads it."""
        self.pipeline().save_pretrained(folder)
