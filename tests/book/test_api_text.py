"""Docstrings and signatures on the API pages."""

from __future__ import annotations

from typing import Any

from tools.book import api_text
from tools.shell import ROOT


def test_a_colon_makes_no_type() -> None:
    lines = ["Which world: seed, split and index."]
    api_text.one_text(None, "attribute", "C.a", None, None, lines)  # type: ignore[arg-type]
    assert lines == ["", "Which world: seed, split and index."]
    function = ["Sum: of x."]
    api_text.one_text(None, "function", "f", None, None, function)  # type: ignore[arg-type]
    assert function == ["Sum: of x."]


def test_html_is_what_browsers_read() -> None:
    signature = '<span class="sig-paren">(</span>\n\n<dl>\n<dd>x,</dd>\n<dd>y,</dd>\n</dl>\n\n<span>)</span>'
    table = '<th class="head"><p></p></th><th></th><th class="head"><p>a</p></th>'
    entry = f'<dl><dt>t</dt><dd>d</dd></dl><i role="doc-biblioentry">{ROOT}/vtonlib'
    context: dict[str, Any] = {"body": signature + table + entry}
    api_text.plain_html(None, "p", "t", context, None)  # type: ignore[arg-type]
    body = context["body"]
    assert '<span class="sig-line">x,</span>' in body and body.count("<dl>") == body.count("<dd>") == 1
    assert body.count("<td></td>") == 2 and '<th class="head"><p>a</p></th>' in body
    assert body.endswith('<i role="listitem">vtonlib')
