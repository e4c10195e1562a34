"""Exercises by hand on cross-attention: a strip of four keys, and what uniform attention is worth."""

from __future__ import annotations

from vtonlib.check.exercise import by_hand

by_hand_7_1 = by_hand(
    "by_hand_7_1",
    0.25,
    "the expected x, in [-1, 1], of a row with logits 0, ln 2, ln 2, ln 3 over a strip of four keys, one number",
    {
        1.875: "That is the expected key counted from 0. In [-1, 1] the first key lies at -1 and the last at 1.",
        0.0625: "You divided by the number of keys: a row already sums to 1.",
        0.4419: "You weighed the keys with their logits. The softmax takes the exponential first.",
        1.0: "That is the key with the largest weight. The expectation hears the other three as well.",
        -0.0625: "You took 4 steps between -1 and 1. Between the centres of four keys there are three.",
        0.625: "You divided by three steps, but from 0 to 1: the coordinates run from -1 to 1.",
    },
)

uniform_error = by_hand(
    "uniform_error",
    10.7739,
    "the mean error of uniform attention, in steps of the lattice 32 x 24, where the truth is the identity, one number",
    {
        0.7938: "That is the error in units of [-1, 1]. How many steps lie between -1 and 1, in x and in y?",
        5.3794: "That is the error on the lattice of this chapter, 16 x 12. The question is about 32 x 24.",
        11.5398: "That is the root of the mean squared distance. The end-point error is the mean distance.",
        14.0: "You added |dx| and |dy|. The distance is the straight one.",
        11.1683: "You counted n/2 steps for one unit. Between the centres of n tokens there are n - 1 steps.",
        10.8008: "If you rounded to one decimal, give two more: a typical mistake agrees so far. If you did not: you "
        "scaled x by the height and y by the width, but x runs along the width.",
    },
    tolerance=1e-3,
)
