"""Translation of pictures as a pipeline: one network, one pass."""

from __future__ import annotations

import torch
from diffusers import DiffusionPipeline

from vtonlib.images import check_ranges
from vtonlib.models.translator import ResnetTranslator
from vtonlib.pipelines.pictures import Picture, PictureOutput, to_batch


class TranslationPipeline(DiffusionPipeline):
    """Translates pictures of one domain into another: ``pipeline(image=...)``.

    Source: CUT; QS-Attn, whose attention works while training alone. Book: sec-query-selection.
    """

    def __init__(self, translator: ResnetTranslator) -> None:
        super().__init__()
        self.register_modules(translator=translator)

    @torch.no_grad()
    def __call__(self, image: Picture) -> PictureOutput:
        """The translations, of the pictures' own size.

        Args:
            image: PIL images, numpy arrays or tensors, one or a batch: see
                :data:`vtonlib.pipelines.pictures.Picture` for shapes and ranges.

        Raises:
            ValueError: for what is no picture, values out of range or not finite, and sides that are no multiples of 4
                or below 8.
        """
        pictures = to_batch("image", image, 3)
        if pictures.ndim != 4 or pictures.shape[1] != self.translator.config.in_channels or not len(pictures):
            raise ValueError(f"image is {tuple(pictures.shape)}: expected pictures [b 3 h w], at least one")
        if not pictures.isfinite().all():
            raise ValueError("image contains NaN or infinity: expected finite numbers")
        check_ranges({"image": pictures}, {})
        made = self.translator(pictures.to(self.translator.device, self.translator.dtype))
        return PictureOutput(images=made.to(pictures.device, torch.float32))
