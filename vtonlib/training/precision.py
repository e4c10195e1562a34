"""Which precision to train in, and why."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch

from vtonlib.config import Precision

Chosen = Literal["no", "fp16", "bf16"]


class PrecisionChoice(NamedTuple):
    """A precision and the reason for it, which is printed and logged."""

    value: Chosen
    """The number format."""
    reason: str
    """Why, as the log says it."""

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products are computed in; parameters are float32 always."""
        return {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[self.value]

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which losses are computed and samples drawn."""
        mixed = self.value != "no"
        return torch.autocast(device.type, self.dtype if mixed else None, enabled=mixed)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device multiplies matrices in bf16 natively; elsewhere bf16 is emulated, and many times slower.

    On a CPU: by AVX-512 BF16 or AMX instructions.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # Private to torch, which has no public question for it; where it is missing, float32 is safe.
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)


def choose_precision(requested: Precision, device: torch.device) -> PrecisionChoice:
    """The precision for a device; "auto" takes bf16 where a CUDA card has it, else fp16 on CUDA, else none.

    On a CPU "auto" is float32: few processors compute in bf16, and where one does, the numbers of this book would hang
    on it. There bf16 is faster, the more so the larger the images, and can be asked for.

    Raises:
        ValueError: fp16 asked for on a device that is not CUDA, where no gradient scaler exists.
    """
    if requested == "fp16" and device.type != "cuda":
        raise ValueError(f"precision=fp16 needs a CUDA device, found {device.type}: use auto, no or bf16")
    if requested != "auto":
        return PrecisionChoice(requested, "it was asked for")
    if device.type != "cuda":
        if computes_in_bf16(device):
            return PrecisionChoice("no", f"float32 on {device.type}; train.precision=bf16 is faster on this processor")
        return PrecisionChoice("no", f"this {device.type} does not compute in bf16")
    name = torch.cuda.get_device_name(device)
    if computes_in_bf16(device):  # emulated bf16, which older cards offer, is slower than fp16
        return PrecisionChoice("bf16", f"{name} computes in bf16, which needs no loss scaling")
    return PrecisionChoice("fp16", f"{name} does not compute in bf16; fp16 with loss scaling")
