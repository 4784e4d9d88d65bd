"""A page filled from the records of its study, or from the tables that stand beside it: rnnlab-report DIR --fill PAGE.

The tables come first and are replaced as a folder, the page after them, in one step each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError, read_bytes, write_text
from rnnlab.records.groups import near
from rnnlab.report.findings.conditions_table import published_rows, table_lines
from rnnlab.report.findings.markers import BEGIN, blocks_of, with_contents
from rnnlab.report.findings.queries import OVERVIEWS, Query, query_of
from rnnlab.report.findings.stored import RESULTS, STUDY, Stored, read_stored, stored_of, texts_of
from rnnlab.report.findings.verdict_tables import (
    claims_lines,
    counts_lines,
    figure_line,
    findings_lines,
    page_link,
    pictures_lines,
    runs_lines,
)
from rnnlab.report.judging.view import View, view_of
from rnnlab.report.page import markdown
from rnnlab.report.page.folder import write_folder
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Study


def fill(page: Path, folder: Path | None = None) -> Path:
    """Write the blocks of a page anew and return its path.  folder: of the study's records; None: from the tables that
    were stored before.  Nothing is written where a block cannot be made.

    Raises ConfigError, RecordError, StudyError and OSError."""
    text = _text(page)
    blocks = blocks_of(text, str(page))
    queries = [query_of(block) for block in blocks]
    if not blocks:
        raise ConfigError(f"{page}: has no block to fill; one begins with {BEGIN}KIND KEY=VALUE ... -->")
    place = page.parent / RESULTS / page.stem
    if folder is None:
        filled = with_contents(text, blocks, contents_of(page, queries))
    else:
        study = _ended(folder)
        view = view_of(study)
        pictures = _pictures(study, view, queries)
        texts = texts_of(study, view, queries, {name: alt for name, (alt, _) in pictures.items()})
        stored = stored_of(place, texts)
        filled = with_contents(text, blocks, contents_of(page, queries, stored))
        place.parent.mkdir(exist_ok=True)
        write_folder(place, lambda building: _write(building, texts, pictures))
    write_text(page, filled)
    return page


def contents_of(page: Path, queries: Sequence[Query], stored: Stored | None = None) -> list[str]:
    """What stands in each block.  stored: the tables of the page; None: as they lie beside it."""
    if stored is None and any(query.kind not in OVERVIEWS for query in queries):
        stored = _stored_beside(page)
    first_of = {query.folder: query for query in reversed(queries) if query.kind in OVERVIEWS}
    studies = {folder: _studies(page, query) for folder, query in first_of.items()}
    return ["\n".join(_lines(page, query, stored, studies.get(query.folder, {}))) for query in queries]


def _lines(page: Path, query: Query, stored: Stored | None, studies: Mapping[str, Stored]) -> list[str]:
    """stored: of the page itself.  studies: of all pages of the folder that an overview is about."""
    if query.kind in OVERVIEWS:
        if query.kind == "counts":
            return counts_lines(studies)
        if query.kind == "published":
            return _published(page.parent / query.folder, studies, query)
        return (findings_lines if query.kind == "findings" else pictures_lines)(studies, query.folder)
    assert stored is not None
    if query.table:
        return table_lines(query, query.table, stored)
    if query.kind == "figure":
        _check_figure(query, stored.facts["figures"])
        return [figure_line(stored, query.figure, f"{RESULTS}/{page.stem}")]
    return runs_lines(stored, page.stem) if query.kind == "runs" else claims_lines(stored)


def _published(pages: Path, studies: Mapping[str, Stored], query: Query) -> list[str]:
    """The rows of all pages that have a published number, as one table."""
    lines = ["| page | condition | quantity | published | here |", "|---|---|---|---|---|"]
    for name, stored in studies.items():
        page = pages / f"{name}.md"
        for own in map(query_of, blocks_of(_text(page), str(page))):
            rows = published_rows(own, own.table, stored) if own.table and own.table.published else []
            lines += [f"| {page_link(name, query.folder)} {markdown.row(row)}" for row in rows]
    if len(lines) == 2:
        raise ConfigError(f"{query.place}: from={query.folder!r}; no table there has published=ROW:NUMBER")
    return [*lines, "", "Here: the median of all runs of the condition; its page says how they spread."]


def _studies(page: Path, query: Query) -> dict[str, Stored]:
    """The stored tables of all pages of a folder, by the stem of the page."""
    folders = sorted((page.parent / query.folder / RESULTS).glob(f"*/{STUDY}"))
    if not folders:
        raise ConfigError(f"{query.place}: from={query.folder!r}; no page there has stored tables in {RESULTS}/")
    return {path.parent.name: read_stored(path.parent) for path in folders}


def _stored_beside(page: Path) -> Stored:
    place = page.parent / RESULTS / page.stem
    if not place.is_dir():
        raise ConfigError(f"{page}: no tables in {place}; fill it from the records: rnnlab-report DIR --fill {page}")
    return read_stored(place)


def _ended(folder: Path) -> Study:
    study = read_study(folder)
    if study.running:
        raise StudyError(f"{folder}: a sweep is at work in it; fill the page when it has ended")
    return study


def _pictures(study: Study, view: View, queries: Sequence[Query]) -> dict[str, tuple[str, bytes]]:
    """The figures that the page asks for, in its order: alternative text and PNG file by name."""
    wanted = {query.figure: query for query in queries if query.kind == "figure"}
    if not wanted:
        return {}
    from rnnlab.report.figures.plate import to_png  # matplotlib takes a while
    from rnnlab.report.figures.registry import LeftOut, plates_of

    found: dict[str, tuple[str, bytes]] = {}
    names: list[str] = []
    for plate in plates_of(study, view):
        if isinstance(plate, LeftOut):
            continue
        names.append(plate.name)
        if plate.name in wanted:
            found[plate.name] = plate.alt, to_png(plate)[0]
    for query in wanted.values():
        _check_figure(query, names)
    return {name: found[name] for name in wanted}


def _check_figure(query: Query, names: Sequence[str]) -> None:
    if query.figure not in names:
        there = f"there is {', '.join(names)}" if names else "no figure is stored: fill the page from the records"
        raise ConfigError(f"{query.place}: figure {query.figure!r}; {there}{near(query.figure, names)}")


def _write(building: Path, texts: dict[str, str], pictures: dict[str, tuple[str, bytes]]) -> None:
    for name, text in texts.items():
        (building / name).write_text(text, encoding="utf-8", newline="")
    for name, (_, png) in pictures.items():
        (building / f"{name}.png").write_bytes(png)


def _text(page: Path) -> str:
    try:
        return read_bytes(page).decode()
    except UnicodeDecodeError:
        raise RecordError(f"{page}: is no text in UTF-8") from None
