"""Does augmentation make a StableVITON look that nobody tells where? Seeing and blind twins, by seeds.

Trained by benchmarks/augmented_painter.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

from claims.augmented_matcher import ARMS, TESTS, differences

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "augmented_painter.json"


def measure(seed: int) -> dict[str, float]:
    """Errors and differences as in :mod:`claims.augmented_matcher`, in tokens; ``_ssim``: masked SSIM of the pictures.

    ``copy_``, ``aligned_`` and ``uniform_`` need no training. ``painted`` is how much better the seeing painter that
    was trained on moves paints garments laid anyhow than the one that was not, ``sight`` than its blind
    twin. ``painted_straight`` is the first of these on straight garments.
    ``sharp_`` is the control, seeing and not moved, in which both readings teach; ``sharp_over`` is how much more it
    errs on straight garments than the same where the mean alone teaches, ``sharp_paints`` how much worse it paints
    them; ``_entropy`` is that of the rows there, in nats.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    found: dict[str, float] = {}
    for name, arm in (ARMS | {"sharp": "garment-sharp"}).items():
        see, how = arm.split("-")
        run = stored["runs"][f"straight-{how}-{see}-{seed}"]
        found |= {f"{name}_{test}": run[test]["epe"] for test in TESTS}
        found |= {f"{name}_{test}_ssim": run[test]["masked_ssim"] for test in TESTS}
        found[f"{name}_entropy"] = run["straight"]["entropy"]
    for test in TESTS:
        untrained = stored["untrained"][test]
        found |= {f"{kind}_{test}": untrained[f"{kind}_epe"] for kind in ("copy", "aligned", "uniform")}
        found |= {f"{kind}_{test}_ssim": untrained[f"{kind}_ssim"] for kind in ("copy", "uniform")}
    return (
        found
        | differences(found)
        | {
            "sharp_over": found["sharp_straight"] - found["plain_seeing_straight"],
            "sharp_paints": found["plain_seeing_straight_ssim"] - found["sharp_straight_ssim"],
            "painted_straight": found["seeing_straight_ssim"] - found["plain_seeing_straight_ssim"],
            "painted": found["seeing_anyhow_ssim"] - found["plain_seeing_anyhow_ssim"],
            "sight": found["seeing_anyhow_ssim"] - found["blind_anyhow_ssim"],
        }
    )
