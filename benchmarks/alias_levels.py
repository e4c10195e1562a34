"""Does it help that the ALIAS generator gets its inputs again at every size, or would one size do?

The setting of alias_ablation.py, with garments that are warped well: moved by at most one pixel, on random grounds.

Written before measuring:

H1 With the inputs at the coarsest size only the error on the garment is larger: 4 by 3 places hold no texture.
H2 It is the pixels, not the paths: given the *coarsest* picture, enlarged, at every size, the error stays as large.
H3 Texture, the part of the picture that a 5x5 blur removes, is what is lost: its correlation with the true one falls.

Added later, as a control after a reader's objection to "at every size", and after one look at seed 0, where the arm
``ends`` was nearly as good as ``every``:

H4 It is the finest input that counts: with the coarsest and the finest alone error and texture are not told apart from
   those with every size.

    python -m benchmarks.alias_levels [--seeds 5] [--out results.json]

One run takes a quarter of a minute on one core. Runs that are already in the file are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from benchmarks.alias_ablation import ALMOST, FULLY, Arm, moved, new_generator, people, train
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GARMENT, true_groups
from vtonlib.grids import masked_mean_per_sample, resize_nearest
from vtonlib.memory import keep_freed_memory
from vtonlib.models.alias import ALIASGenerator, split_parse
from vtonlib.pipelines.alias import painting_input

RESULTS = Path(__file__).parent / "results" / "alias_levels.json"
ARMS = ("every", "coarsest", "enlarged", "ends")
STEPS = 200
COARSE = (4, 3)
ALIAS = Arm(masked=2)


def without_inputs(model: ALIASGenerator, levels: slice) -> ALIASGenerator:
    """The same generator, whose features of the inputs at these levels, from coarse to fine, are 0 and stay so."""
    for conv in list(model.inputs)[levels]:
        for parameter in conv.parameters():
            parameter.requires_grad_(False).zero_()
    return model


def paint(
    arm: str, model: ALIASGenerator, batch: TryOnBatch, warp: Float[Tensor, "b 3 h w"], noise: torch.Generator
) -> Float[Tensor, "b 3 h w"]:
    """What the generator makes of a warp that misses nothing."""
    inputs = painting_input(batch.agnostic, batch.dense_pose, warp)
    if arm == "enlarged":
        inputs = resize_nearest(resize_nearest(inputs, *COARSE), *batch.size)
    parse = true_groups(batch) * ALMOST
    nothing = torch.zeros_like(parse[:, :1])
    return model(inputs, parse, split_parse(parse, nothing, GARMENT), nothing, generator=noise)


def warped(batch: TryOnBatch, by: Tensor, ground: Float[Tensor, "b 3 1 1"]) -> Float[Tensor, "b 3 h w"]:
    """The worn garment, moved, on a ground."""
    worn = (batch.garment_region > 0.5).float()
    image = moved(torch.cat((batch.person * worn, worn), 1), by)
    return torch.lerp(ground.expand_as(batch.person), image[:, :3], image[:, 3:])


@torch.no_grad()
def scores(arm: str, model: ALIASGenerator, test: TryOnBatch) -> dict[str, float]:
    """Errors on the garment and on the rest of what is painted, and how well texture agrees, for unmoved warps."""
    model.eval()
    ground = torch.rand(len(test), 3, 1, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    still = torch.zeros(len(test), 2, dtype=torch.long)
    image = paint(arm, model, test, warped(test, still, ground), torch.Generator().manual_seed(0))
    error, fully = (image - test.person).abs(), (test.garment_region >= FULLY).float()
    rest = test.agnostic_mask * (1 - (test.garment_region > 0.5).float())
    return {
        "garment": float(masked_mean_per_sample(error, fully).mean()),
        "rest": float(masked_mean_per_sample(error, rest).mean()),
        "texture": float(agreement(texture(image, fully), texture(test.person, fully)).mean()),
    }


def texture(image: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3 h w"]:
    """What a 5x5 blur inside the mask removes."""
    blurred = F.avg_pool2d(image * mask, 5, 1, 2) / F.avg_pool2d(mask, 5, 1, 2).clamp_min(1e-6)
    return (image - blurred) * mask


def agreement(a: Float[Tensor, "b 3 h w"], b: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """The cosine of two pictures, where the second is not even."""
    a, b = a.flatten(1), b.flatten(1)
    patterned = b.square().mean(1) > 1e-4
    return F.cosine_similarity(a[patterned], b[patterned])


def trained_scores(arm: str, seed: int) -> dict[str, float]:
    """One run."""
    examples, test = people(seed)
    without = {"coarsest": slice(1, None), "ends": slice(1, -1)}.get(arm, slice(0))
    model = without_inputs(new_generator(ALIAS, seed), without)

    def painted(batch: TryOnBatch, by: Tensor, ground: Tensor, noise: torch.Generator) -> Tensor:
        return paint(arm, model, batch, warped(batch, by, ground), noise)

    train(model, examples, seed, painted, steps=STEPS, distances=(0, 2))
    return scores(arm, model, test)


def main() -> None:
    """Do the runs that are missing; write the file after each."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    report = json.loads(args.out.read_text(encoding="utf8")) if args.out.exists() else {}
    report = {"benchmark": "alias_levels", "torch": torch.__version__, "runs": {}} | report
    for arm, seed in itertools.product(ARMS, range(args.seeds)):
        if (key := f"{arm}/{seed}") not in report["runs"]:
            start = time.perf_counter()
            measured = {name: round(value, 5) for name, value in trained_scores(arm, seed).items()}
            report["runs"][key] = measured | {"seconds": round(time.perf_counter() - start, 1)}
            temporary = args.out.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
            os.replace(temporary, args.out)
    print(json.dumps({"runs": len(report["runs"])}))


if __name__ == "__main__":
    main()
