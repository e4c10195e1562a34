"""A branch of three weights behind zeros, small enough for paper: which weight moves at which step.

Book: sec-which-zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WEIGHTS = ("z", "p", "w")
"""The last layer, the one before it, and the garment's encoder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ZeroChain:
    """y = x + z (s x + p w c), with numbers for layers; the loss is (y - target)^2 / 2.

    c is the garment and w its encoder, p the projection out of the attention, z the layer at the end.

    Book: sec-which-zero.
    """

    z: float = 0.0
    """The last layer, Z."""
    p: float = 1.0
    """The projection before it, P_out; released: 0 at the start."""
    w: float = 1.0
    """The encoder."""
    s: float = 1.0
    """1 where Z acts on x as well, as in StableVITON; 0 where it does not."""
    x: float = 1.0
    """What the painter has without the garment."""
    c: float = 1.0
    """The garment."""
    target: float = 2.0
    """What should be painted."""

    @property
    def output(self) -> float:
        """y."""
        return self.x + self.z * (self.s * self.x + self.p * self.w * self.c)

    def gradients(self) -> dict[str, float]:
        """The loss's derivative by each weight, by name.

        Equation: eq-chain-gradients. Book: sec-which-zero.
        """
        error = self.output - self.target
        return {
            "z": error * (self.s * self.x + self.p * self.w * self.c),
            "p": error * self.z * self.w * self.c,
            "w": error * self.z * self.p * self.c,
        }

    def after_step(self, rate: float = 0.125) -> ZeroChain:
        """The chain after one step of plain gradient descent."""
        moved = {name: getattr(self, name) - rate * slope for name, slope in self.gradients().items()}
        return replace(self, **moved)


def moving(chain: ZeroChain, steps: int, *, rate: float = 0.125) -> list[dict[str, float]]:
    """The gradients of the first steps, in order."""
    found = []
    for _ in range(steps):
        found.append(chain.gradients())
        chain = chain.after_step(rate)
    return found
