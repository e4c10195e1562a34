"""The pages that follow from other files, as Markdown: equations, claims, disagreements, notebooks, exercises."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tools.book import (
    anatomy,
    benchmark_pages,
    claim_pages,
    claims,
    equations,
    ledger,
    models,
    myst,
    provenance,
    quoting,
    reference,
    setup_cell,
)
from tools.book.markup import page_link, source_link, table
from tools.book.page import Page


def equation_table(pages: Sequence[Page]) -> list[str]:
    """Equation, page, functions, tests."""
    rows = [
        (
            f"{{eq}}`{row.equation.label}` `{row.equation.label}`",
            page_link(row.equation.page),
            ", ".join(f"{{py:obj}}`~{name}`" for name in row.functions),
            ", ".join(source_link(test.file, f"`{test.name}`") for test in row.tests),
        )
        for row in equations.table(pages)
    ]
    whole = sum(bool(r.functions and r.tests) for r in equations.table(pages))
    summary = [f"{whole} of {len(rows)} displayed equations have a function and a test.", ""] if rows else []
    return summary + table(("equation", "page", "function", "test"), rows, "No page displays an equation yet.")


def claim_table(pages: Sequence[Page]) -> list[str]:
    """A summary of what every change costs, and one card for each claim."""
    known = claims.load()
    if not known:
        return ["No claim is made yet."]
    daily = [claim for claim in known.values() if claim.measured and claim.daily_seeds and not claim.stored]
    seconds = sum(claim.daily_seconds for claim in daily)
    lines = [
        f"{len(daily)} of {len(known)} claims are measured again with every change, in {seconds:.0f} s of one core.",
        "",
    ]
    quoted = {page.name: quoting.quoted_targets(page) for page in pages}
    for name, claim in known.items():
        own = {page: {t for t in targets if t.partition(".")[0] == name} for page, targets in quoted.items()}
        links = [page_link(page) for page, targets in own.items() if targets]
        lines += claim_pages.card(claim, links, {t.split(".")[1] for ts in own.values() for t in ts if "." in t})
    return lines


def ledger_table(pages: Sequence[Page]) -> list[str]:
    """A card for each disagreement: what three sources say, and the tests that show it."""
    lines = []
    for box in ledger.boxes(pages):
        lines += [f":::::{{card}} {box.id}. {box.title}", ":class-card: book-card", ""]
        said = "\n\n".join(f"**{name}.** {myst.text(box.fields[name])}" for name in ledger.FIELDS)
        lines += [*(claim_pages.anchor(box.id.lower()) + said).split("\n"), ""]
        tests = ", ".join(source_link(test.file, f"`{test.name}`") for test in ledger.tests(box))
        where = f"{{ref}}`in its chapter <{box.id.lower()}>`"
        lines += [f"**Read it** {where}, {page_link(box.page)}. **Shown by** {tests}.", ":::::", ""]
    return lines or ["No disagreement is recorded yet."]


def status_table(pages: Sequence[Page]) -> list[str]:
    """Each notebook with its last run."""
    runs, rows = provenance.runs(), []
    for page in pages:
        if page.notebook:
            run = runs.get(page.name, {})
            current = "stale" if provenance.problems(page) else "current"
            last = f"{run['date']}, in {run['seconds']} s" if run else "never"
            used = {"Python": run.get("python", "-"), **run.get("versions", {})}
            made = ", ".join(f"{name} {version}" for name, version in used.items())
            link = f"[Colab]({setup_cell.colab(page.name)})"
            anchor = f'<a id="{page.name.removeprefix("notebooks/")}"></a>'
            rows.append((anchor + page_link(page.name), current, last, made, link))
    heads = ("notebook", "outputs", "last run", "made with", "open")
    return table(heads, rows, "The notebooks will be listed here when the first chapters are in place.")


def exercise_table(pages: Sequence[Page]) -> list[str]:
    """Each exercise with its page and checker."""
    rows = [
        (exercise.number, kind_and_name(page, exercise), page_link(page.name), f"`check.{exercise.checker}`")
        for page in pages
        if page.chapter
        for exercise in anatomy.exercises(page)
    ]
    return table(("exercise", "", "chapter", "checked by"), rows, "No chapter has exercises yet.")


def kind_and_name(page: Page, exercise: anatomy.Exercise) -> str:
    """An exercise's type and name, as its heading has them."""
    heading = anatomy.HEADING.search(page.cells[exercise.cell].source)
    return heading[0].partition(exercise.number)[2].strip().replace("[", "").replace("]", ":") if heading else ""


def model_table(_: Sequence[Page]) -> list[str]:
    """Each shipped model with its making and its scores."""
    return table(models.HEADS, models.rows(), "No model is shipped yet.")


def pose_table(_: Sequence[Page]) -> list[str]:
    """Each shipped pose transfer with its making and its scores."""
    return table(models.POSE_HEADS, models.pose_rows(), "No pose transfer is shipped yet.")


def translation_table(_: Sequence[Page]) -> list[str]:
    """Each shipped translation with its making and its scores."""
    return table(models.TRANSLATION_HEADS, models.translation_rows(), "No translation is shipped yet.")


def made_line(_: Sequence[Page]) -> list[str]:
    """How the model of the first pages was made."""
    return [models.sentence()]


def speedrun_table(_: Sequence[Page]) -> list[str]:
    """The entries of the speed run."""
    return table(models.ENTRY_HEADS, models.entry_rows(models.trials()["entries"]), "Nobody has entered yet.")


def trial_table(_: Sequence[Page]) -> list[str]:
    """What was tried to make the small StableVITON better."""
    return table(models.TRIAL_HEADS, models.trial_rows(models.trials()["trials"]), "Nothing was tried yet.")


TABLES: dict[str, Callable[[Sequence[Page]], list[str]]] = {
    "equations": equation_table,
    "claims": claim_table,
    "disagreements": ledger_table,
    "notebooks": status_table,
    "exercises": exercise_table,
    "models": model_table,
    "poses": pose_table,
    "translations": translation_table,
    "made": made_line,
    "speedrun": speedrun_table,
    "trials": trial_table,
} | {**reference.TABLES, **benchmark_pages.TABLES}


def problems(name: str, pages: Sequence[Page]) -> list[str]:
    """What keeps a table from being published."""
    if name == "equations":
        return equations.problems(pages)
    if name in reference.PROBLEMS:
        return reference.PROBLEMS[name](pages)
    if name == "disagreements":
        return ledger.problems(pages)
    if name == "claims":
        return [problem for claim in claims.load().values() for problem in claims.problems(claim)]
    return []
