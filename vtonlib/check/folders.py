# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on folders of pictures: agnostic pictures and labels by hand and in code, and the ten damaged folders."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.check.lab import HARMS, PLACES

PAIRS = ((14, 15), (16, 17), (18, 19))
"""CIHP's labels of left and right: arms, legs, shoes."""

by_hand_18_1 = by_hand(
    "by_hand_18_1",
    92.5,
    "the byte, before rounding, of an agnostic picture where the person has 40 and the mask 153, one number",
    {
        75.0: "You kept the share that the mask hides. 255 is: to be painted.",
        16.0: "You filled with black. Hidden is mid grey, 127.5.",
        127.5: "You read the mask as 0 or 1. Its edge is soft: 153 of 255.",
        40.0: "Here the mask hides a part. 153 of 255 is more than half.",
        118.0: "You filled with white.",
    },
)

new_labels = by_hand(
    "new_labels",
    3,
    "how many of the numbers between two neighbours, 5 and 9, a bilinear enlargement can store, one number",
    {
        0: "A mean of 5 and 9 that is neither: is there one?",
        5: "5 and 9 themselves were there before.",
        4: "That is their difference. How many whole numbers lie strictly between?",
        1: "7 is the mean of both. Other weights give other numbers.",
    },
)


def _pictures() -> list[Arguments]:
    g = torch.Generator().manual_seed(18)
    cases: list[Arguments] = []
    for h, w in ((4, 6), (5, 3), (7, 8)):
        mask = (torch.rand(h, w, generator=g) * 3 - 1).clamp(0, 1) * 255
        cases.append((torch.randint(256, (h, w, 3), generator=g).double(), mask.round().double()))
    return cases


def _agnostic(person: Tensor, mask: Tensor, grey: float = 127.5) -> Tensor:
    share = mask[..., None] / 255
    return person * (1 - share) + grey * share


agnostic_picture = Exercise(
    name="agnostic_picture",
    signature="person [h w 3] and mask [h w] in bytes -> the agnostic picture [h w 3], not rounded",
    reference=_agnostic,
    cases=_pictures,
    mistakes=(
        Mistake(
            "inverted",
            lambda p, m: _agnostic(p, 255 - m),
            "You keep what is to be painted, and hide the rest. Which of the two is 255?",
        ),
        Mistake("black", lambda p, m: _agnostic(p, m, 0.0), "Hidden is mid grey, not black: 0 where -1 to 1 is read."),
        Mistake(
            "hard edge",
            lambda p, m: _agnostic(p, 255.0 * (m > 127)),
            "Your mask is 0 or 1. A soft edge mixes person and grey.",
        ),
        Mistake("rounded", lambda p, m: _agnostic(p, m).round(), "You rounded: keep the fractions of a byte here."),
        Mistake("128", lambda p, m: _agnostic(p, m, 128.0), "Half of 255 is 127.5, which is 0 where -1 to 1 is read."),
        Mistake(
            "0 to 1",
            lambda p, m: _agnostic(p, m * 255),
            "The mask is in bytes: at 153, what share is hidden?",
        ),
        Mistake(
            "white", lambda p, m: _agnostic(p, m, 255.0), "Hidden is mid grey, not white: 0 where -1 to 1 is read."
        ),
    ),
)


def _label_maps() -> list[Arguments]:
    g = torch.Generator().manual_seed(19)
    sizes = (((6, 9), (3, 4)), ((5, 7), (10, 3)), ((8, 4), (3, 9)))
    return [(torch.randint(20, old, generator=g).double(), *new) for old, new in sizes]


def _nearest(labels: Tensor, height: int, width: int, shift: float = 0.5) -> Tensor:
    rows, columns = (
        ((torch.arange(new) + shift) * old / new).floor().long()
        for new, old in ((height, labels.shape[0]), (width, labels.shape[1]))
    )
    return labels[rows][:, columns]


def _bilinear(labels: Tensor, height: int, width: int) -> Tensor:
    size = (height, width)
    return torch.nn.functional.interpolate(labels[None, None], size, mode="bilinear", align_corners=False)[0, 0]


resized_labels = Exercise(
    name="resized_labels",
    signature="labels [h w], height, width -> [height width]: each new pixel has the label under its centre",
    reference=_nearest,
    cases=_label_maps,
    mistakes=(
        Mistake(
            "corner",
            lambda x, h, w: _nearest(x, h, w, 0.0),
            "You look under the upper left corner of each new pixel. Its centre lies half a pixel further.",
        ),
        Mistake(
            "bilinear",
            lambda x, h, w: _bilinear(x, h, w).round(),
            "Labels appear that were not there: numbers of labels have no mean.",
        ),
        Mistake(
            "bilinear, not rounded", _bilinear, "There are fractions in your labels: numbers of labels have no mean."
        ),
        Mistake(
            "sizes exchanged",
            lambda x, h, w: _nearest(x, w, h),
            "Height and width are exchanged: Pillow asks for (width, height), tensors for rows first.",
        ),
    ),
)


def _mirror(labels: Tensor, *, flip: bool = True, pairs: tuple[tuple[int, int], ...] = PAIRS) -> Tensor:
    found = (labels.flip(-1) if flip else labels).clone()
    for left, right in pairs:
        was_left, was_right = found == left, found == right
        found[was_left], found[was_right] = right, left
    return found


def _one_after_another(labels: Tensor) -> Tensor:
    found = labels.flip(-1).clone()
    for left, right in PAIRS:
        found[found == left] = right
        found[found == right] = left
    return found


mirrored_labels = Exercise(
    name="mirrored_labels",
    signature="labels of CIHP [h w] -> the labels of the mirrored picture [h w]",
    reference=_mirror,
    cases=lambda: [(case[0],) for case in _label_maps()],
    mistakes=(
        Mistake("pixels only", lambda x: x.flip(-1), "In a mirror a left arm becomes a right one. Your labels stayed."),
        Mistake("labels only", lambda x: _mirror(x, flip=False), "The pixels themselves have to be mirrored, too."),
        Mistake(
            "one after another",
            _one_after_another,
            "First all left arms became right ones, then all right ones left: those that you had just changed as well.",
        ),
        Mistake(
            "upside down", lambda x: _mirror(x.flip(0), flip=False), "You mirrored top and bottom: which axis is x?"
        ),
        Mistake("arms only", lambda x: _mirror(x, pairs=PAIRS[:1]), "Arms are right. What else has two sides?"),
    ),
)


def _folders(numbers: object) -> Tensor:
    return torch.as_tensor(np.asarray(numbers, dtype=float))


_UNSEEN = ("labels resized as brightness", "dense pose: blue first", "dense pose of the next person", "left for right")


def _confused(*kinds: str) -> Tensor:
    """The right numbers, but those of ``kinds`` in turn."""
    found = _folders(PLACES)
    spots = [PLACES.index(HARMS.index(kind)) for kind in kinds]
    found[spots] = found[spots[1:] + spots[:1]]
    return found


damaged_folders = Exercise(
    name="damaged_folders",
    signature="ten numbers: for each of the folders A to J, which of the ten entries of HARMS it has",
    reference=lambda: _folders(PLACES),
    cases=lambda: [()],
    mistakes=(
        Mistake(
            "what the check does not see",
            lambda: _folders([p if HARMS[p] not in _UNSEEN else HARMS.index("nothing") for p in PLACES]),
            "Right as far as the check goes. Five folders pass it, and one of them only is sound.",
        ),
        Mistake(
            "two poses",
            lambda: _confused("dense pose: blue first", "dense pose of the next person"),
            "The two dense poses are exchanged: in which does a channel that should have nine values have many?",
        ),
        Mistake(
            "two label maps",
            lambda: _confused("labels resized as brightness", "left for right"),
            "The two label maps are exchanged: in which do outlines have labels of their own?",
        ),
        Mistake(
            "left for right",
            lambda: _confused("left for right", "nothing"),
            "The folder with exchanged sides passes every check of a single file. Compare labels with joints.",
        ),
        Mistake(
            "two masks",
            lambda: _confused("mask inverted", "mask of 0 and 1"),
            "Two masks are exchanged: look at the largest value of each.",
        ),
    ),
)
