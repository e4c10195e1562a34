"""Everything that the book's files must keep, without running a notebook: python3 -m tools check-notebooks.

Names each notebook, cell and equation that does not, and says what to do. nbval runs the notebooks besides.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tools.book import anatomy, claims, equations, form, ledger, links, provenance, quoting, reference
from tools.book.page import Page, all_pages, content_problems, notebook_names, without_code
from tools.shell import ROOT
from tools.site import pages as contents


def quote_problems(pages: Sequence[Page]) -> list[str]:
    """Links that lead nowhere, numbers that are not the record's, claims that nobody quotes or that do not hold."""
    known, runs, places = claims.load(), provenance.runs(), links.places(pages)
    found = [problem for claim in known.values() for problem in claims.problems(claim)]
    quoted = set()
    for page in pages:
        resolve = quoting.resolver(page, known, runs)
        reader = links.Reader(page.name, places, resolve)
        for cell in page.markdown:
            wrong = links.problems(cell.source, reader) if page.notebook else []
            wrong += [] if page.notebook else quoting.problems(without_code(cell.source), resolve)
            found += [f"{page.name}: cell {cell.number}: {problem}" for problem in wrong]
        quoted |= quoting.quoted_claims(page)
    return found + [f"claims/{name}.json: no page quotes it" for name in known if name not in quoted]


def problems(pages: Sequence[Page]) -> list[str]:
    """All of it."""
    found = content_problems(contents(), notebook_names())
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf8")
    found += [f"book/references.bib: {entry} does not end" for entry in links.unclosed(bibliography)]
    for page in pages:
        found += form.problems(page) + anatomy.problems(page)
        found += [f"{page.name}: {problem}" for problem in provenance.problems(page)]
    return (
        found + equations.problems(pages) + ledger.problems(pages) + quote_problems(pages) + reference.problems(pages)
    )


def main(_: list[str]) -> int:
    """Print what is wrong; 1 if anything is."""
    pages = all_pages()
    found = problems(pages)
    rows, boxes = equations.table(pages), ledger.boxes(pages)
    exercises = sum(len(anatomy.exercises(page)) for page in pages)
    print(*found, sep="\n", end="\n" if found else "")
    counts = f"{len(pages)} pages, {len(rows)} equations, {len(boxes)} disagreements, {exercises} exercises"
    print(f"book: {counts}, {len(claims.load())} claims: {f'{len(found)} problems' if found else 'all in order'}")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
