"""Diagrams of query selection: the global and the local path, from two feature maps to the loss."""

from __future__ import annotations

from vtonlib.viz.diagrams import Box, Diagram


def global_path() -> Diagram:
    """QS-Attn with every patch attending to all others, its steps numbered as in the text.

    Book: sec-query-selection.
    """
    d = Diagram(
        700,
        300,
        alt="Source features, HW by C, times their transpose give a softmax map A, HW by HW. The entropy of each row; "
        "the N rows of lowest entropy are A_QS, N by HW. A_QS reads the source's features, which become keys, and the "
        "translation's features, which become queries. Both go through a small network into PatchNCE.",
    )
    source = d.box(70, 60, "source\nX: HW\u00d7C", width=100, height=46, kind="data")
    attention = d.box(225, 60, "A = softmax(X X\u1d40)\nHW\u00d7HW", width=140, height=46, kind="chosen")
    entropy = d.box(395, 60, "entropy of\neach row", width=100, height=46, kind="norm")
    ids = d.box(545, 60, "the N lowest", width=110, height=46, kind="label")
    for number, pair in enumerate(((source, attention), (attention, entropy), (entropy, ids)), start=1):
        d.arrow(*pair)
        d.label((pair[0].x + pair[1].x) / 2, 26, str(number), bold=True)
    rows = d.box(395, 160, "A_{QS}\nN\u00d7HW", width=100, height=46, kind="chosen")
    d.arrow(attention, rows, via=[(225, 160)])
    d.arrow(ids, rows, via=[(545, 160)])
    d.label(470, 148, "4", bold=True)
    d.label(160, 193, "5", bold=True)
    d.label(150, 250, "6", bold=True)
    translation = d.box(70, 262, "translation\nX\u0302: HW\u00d7C", width=100, height=46, kind="data")
    _end(d, source, translation, rows, "keys\nA_{QS} X: N\u00d7C", "queries\nA_{QS} X\u0302: N\u00d7C")
    return d


def local_path(*, everywhere: bool = False) -> Diagram:
    """QS-Attn with every patch attending to its window of w by w; ``everywhere``: rows that read the whole map instead
    (local + global).

    Book: sec-query-selection.
    """
    reading = "the whole map" if everywhere else "the windows"
    d = Diagram(
        700,
        300,
        alt="Source features and the windows around each patch, HW by w squared by C, give a softmax over each window, "
        "HW by w squared. The entropy of each row; the N lowest. Their rows read "
        f"{reading} of the source, which become keys, and of the translation, which become queries.",
    )
    source = d.box(70, 60, "source\nX: HW\u00d7C", width=100, height=46, kind="data")
    windows = d.box(205, 60, "windows\nHW\u00d7w\u00b2\u00d7C", width=110, height=46, kind="conv")
    attention = d.box(350, 60, "A: HW\u00d7w\u00b2", width=100, height=46, kind="chosen")
    entropy = d.box(480, 60, "entropy of\neach row", width=90, height=46, kind="norm")
    ids = d.box(615, 60, "the N lowest", width=110, height=46, kind="label")
    for one, other in ((source, windows), (windows, attention), (attention, entropy), (entropy, ids)):
        d.arrow(one, other)
    text = "rows of the\nglobal A: N\u00d7HW" if everywhere else "A_{QS}\nN\u00d7w\u00b2"
    rows = d.box(395, 160, text, width=120, height=46, kind="chosen")
    d.arrow(ids, rows, via=[(615, 160)])
    if not everywhere:
        d.arrow(attention, rows)
    translation = d.box(70, 262, "translation\nX\u0302: HW\u00d7C", width=100, height=46, kind="data")
    _end(d, source, translation, rows, f"keys: from\n{reading}", f"queries: from\n{reading}")
    return d


def _end(d: Diagram, source: Box, translation: Box, rows: Box, keys: str, queries: str) -> None:
    """The rows read both images, and what they read is compared."""
    key = d.box(250, 205, keys, width=140, height=40, kind="plain")
    query = d.box(250, 262, queries, width=140, height=40, kind="plain")
    d.arrow(source, key, via=[(70, 205)])
    d.arrow(translation, query)
    d.arrow(rows, key, via=[(395, 205)])
    d.arrow(rows, query, via=[(395, 262)])
    d.box(600, 235, "2 linear layers,\nlength 1, PatchNCE", width=150, height=46, kind="label")
    d.arrow((320, 218), (525, 228))
    d.arrow((320, 272), (525, 246))
