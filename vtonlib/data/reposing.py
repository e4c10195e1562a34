"""Pose transfer in the world: the same person, clothes and surroundings in two poses, and which point became which.

Book: sec-pose-transfer.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.render import CHUNK
from vtonlib.data.sampling import framed, sample_poses
from vtonlib.data.scene import Scene
from vtonlib.data.source import Indices, Split
from vtonlib.data.surface import Portrait, places_in, portray
from vtonlib.data.world import World
from vtonlib.grids import warp

OTHER = 1 << 43
"""Added to a person's number: the stream of the other poses. No split reaches so far."""
WHOLE = 0.999
"""A place counts as visible where all pixels that it is read from show its layer alone."""


class PoseTransfer(World):
    """The world's persons, to be painted in their pose from a picture of themselves in another one.

    A batch is a :class:`TryOnBatch`, so that models and evaluation need not know the difference: ``garment`` is the
    reference picture, ``garment_mask`` the person in it, ``agnostic`` all grey and ``agnostic_mask`` all 1, since all
    of the picture is to be painted, ``dense_pose`` the target's, ``garment_region`` the person in the target. ``flow``
    says where each pixel's point of the person lies in the reference, ``flow_mask`` where both pictures show it and
    nothing before it; it is 0 on backgrounds, which do not move, on bags and necklaces, and on hair behind the head.
    ``warped_garment`` is the reference as it is. ``person``, ``keypoints`` and ``parse`` are the target's.

    Example i is a function of (seed, split, i): its target is the world's person i, its reference the same scene but
    for body and arms, head tilt and camera. Unpaired examples are of the same persons in others' garments.

    Book: sec-pose-transfer.
    """

    def paired(self, split: Split, indices: Indices) -> TryOnBatch:
        """Persons in their own garments."""
        return self.posed(self.scenes(split, indices))

    def dressed(self, split: Split, persons: Indices, garments: Indices) -> TryOnBatch:
        """The persons of some examples, in both poses in the garments of others of the same categories.

        Raises:
            ValueError: where a garment is of another category than the person's, or an index is none of the split's.
        """
        garment = self.scenes(split, garments).garment
        return self.posed(self.scenes(split, persons).wearing(garment))

    def posed(self, scenes: Scene) -> TryOnBatch:
        """The scenes, to be painted from the same ones in another pose."""
        height, width = self.config.height, self.config.width
        count = max(1, CHUNK // (height * width))
        others = reposed(scenes, self.config.seed)
        parts = [
            pose_transfer(portray(scenes[i : i + count], height, width), portray(others[i : i + count], height, width))
            for i in range(0, max(1, len(scenes)), count)
        ]
        return parts[0] if len(parts) == 1 else TryOnBatch.concatenate(parts)


def reposed(scenes: Scene, seed: int) -> Scene:
    """The same scenes in other poses: persons, garments, light and background stay, and so does the gaze."""
    pose = framed(sample_poses(scenes.body.identity + OTHER, seed), scenes.garment.category)
    return replace(scenes, pose=replace(pose, gaze=scenes.pose.gaze))


def correspondence(target: Portrait, reference: Portrait) -> tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b 1 h w"]]:
    """For each pixel of the target the place of its surface point in the reference, and where both show it.

    The layers of a person are found one by one. A pixel counts where it shows one layer alone, and so do all pixels of
    the reference between which the place lies.
    """
    places, found = places_in(target, reference)
    inside = (places.abs().amax(-1) <= 1).to(found.dtype)
    seen = warp(reference.shown.flatten(0, 1)[:, None], places.flatten(0, 1)).view_as(found)
    known = target.shown * found * inside * (seen > WHOLE)
    flow = torch.where(known[..., None] > 0, places, 0.0).sum(1)
    return flow, known.sum(1, keepdim=True)


def pose_transfer(target: Portrait, reference: Portrait) -> TryOnBatch:
    """The batch that shows ``reference`` and asks for ``target``."""
    batch, shown = target.picture.batch, reference.picture.batch
    background = PARSE_LABELS.index("background")
    region, person = (1 - part.parse[:, background : background + 1] for part in (batch, shown))
    flow, flow_mask = correspondence(target, reference)
    return replace(
        batch,
        garment=shown.person,
        garment_mask=person,
        agnostic=torch.zeros_like(batch.person),
        agnostic_mask=torch.ones_like(region),
        garment_region=region,
        flow=flow,
        flow_mask=flow_mask,
        warped_garment=shown.person,
        misalign_mask=region * (1 - person),
    )
