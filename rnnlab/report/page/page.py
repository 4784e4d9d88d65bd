"""View model and figures -> one self-contained page, with figures and tables as files beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rnnlab.report.figures.drawn import Drawn, files_of
from rnnlab.report.figures.plate import inlined
from rnnlab.report.figures.registry import LeftOut, drawings, sections
from rnnlab.report.judging.shape import Shape, shape_of
from rnnlab.report.judging.view import View, view_of
from rnnlab.report.page import tables
from rnnlab.report.page.explore.blocks import ROWS_AT_ONCE, Blocks, Explored, explored_of
from rnnlab.report.page.run_table import run_table
from rnnlab.report.page.running import reloading, section_of_running, write_beginning
from rnnlab.report.page.summary import write_summary
from rnnlab.report.page.templating import render as render_template
from rnnlab.report.page.templating import script
from rnnlab.report.page.texts import TextPanel, text_panels
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import PAGES, Form
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.part import Part, part_of
from rnnlab.report.reading.processes import shared_out
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.running import running_in
from rnnlab.report.reading.study import Study
from rnnlab.report.words.glossary import explained
from rnnlab.report.words.sentences import section_of
from rnnlab.report.words.wording import number, percent
from rnnlab.statistics.rates import TUNING_SHARE
from rnnlab.statistics.resampling import MIN_RUNS_FOR_INTERVAL, N_RESAMPLES
from rnnlab.version import __version__

PROBLEMS_SHOWN = 200  # the others are counted
CONDITIONS_SHOWN = 300  # of a task; conditions.csv has them all
COMPARED = 6  # columns of the table of probabilities of improvement

OTHER_SECTIONS = (
    ("explore", "Explore"),
    ("conditions", "Conditions"),
    ("runs", "Runs"),
    ("problems", "Failed and missing"),
    ("made", "How it was made"),
)

LEADS: dict[Shape, str] = {"strips": "scores", "line": "sensitivity", "map": "overview", "effects": "overview"}


def writer_of(
    folder: Path, seen: Mapping[str, cache.Signature], form: Form, reloads: bool, part: Part | None
) -> Callable[[Path], None]:
    """What writes the files of the report.  Of a study that is running there may be no run to report on yet.

    Raises StudyError, and ConfigError for a part that there is not."""
    try:
        study = read_study(folder, seen)
    except StudyError:
        running = running_in(folder)
        if running is None or form != "html":
            raise
        return lambda building: write_beginning(building, folder, running, reloads)
    study = part_of(study, part) if part else study
    view = view_of(study)
    return lambda building: _write_files(building, study, view, form, reloads)


def render(
    study: Study,
    view: View,
    drawn: Sequence[Drawn],
    explored: Explored,
    form: Form = "html",
    reloads: bool = False,
) -> str:
    """The page as text.  Everything that comes from a file is escaped; only the figures are put in as they are."""
    figure_sections = sections()
    plates = {section: [plate for plate in drawn if plate.section == section] for section, _ in figure_sections}
    lead_section = _lead_section(view, plates)
    lead, plates[lead_section] = plates[lead_section][:1], plates[lead_section][1:]
    texts = [panel for task in view.tasks for panel in text_panels(study, task)]
    columns, blocks = explored.columns, explored.blocks if form == "html" else Blocks({})
    there = _sections_there(view, plates, texts, lead_section) - (set() if blocks.library else {"explore"})
    answers = there | {lead_section}
    first, *others = figure_sections
    contents = (first, ("rates", "Learning rates"), *others, *OTHER_SECTIONS)
    return render_template(
        "report.html.j2" if form == "html" else "report.md.j2",
        view=view,
        plates=plates,
        figure_sections=figure_sections,
        contents=[(anchor, title) for anchor, title in contents if anchor in there],
        lead=lead,
        lead_section=lead_section,
        sections=answers,
        texts=texts,
        rates=[number(rate) for rate in view.design.rates],
        tuning_share=percent(TUNING_SHARE),
        facets=any(standing.facet for task in view.tasks for standing in task.standings),
        compared=view.across.labels[:COMPARED] if view.across else (),
        table=run_table(columns),
        blocks=blocks,
        static_rows=ROWS_AT_ONCE,
        terms=explained(_measured(study)) if plates["diagnostics"] else (),
        svg=lambda plate: Markup(inlined(plate.svg)),
        problems_shown=PROBLEMS_SHOWN,
        conditions_shown=CONDITIONS_SHOWN,
        min_runs=MIN_RUNS_FOR_INTERVAL,
        n_resamples=N_RESAMPLES,
        version=__version__,
        script=script(explore=bool(blocks.library)) + (reloading() if reloads else ""),
        running=study.running,
        running_section=section_of_running(study) if form == "html" else "",
        library=blocks.library,
    )


def _measured(study: Study) -> set[str]:
    """The metrics of the runs and the columns of their curves."""
    columns = {column for curves in study.curves.values() for column in curves}
    return columns | {metric for run in study.members for metric in run.metrics}


def _lead_section(view: View, plates: Mapping[str, Sequence[Drawn]]) -> str:
    """The section whose first figure leads the page: by what was swept, unless all claims are about something else
    than scores."""
    there = {name for name, held in plates.items() if held}
    about = [section_of(verdict, there) for verdict in view.verdicts]
    shape = shape_of(view.design, view.tuned)
    shown_by_a_map = {"divergence"} if shape == "map" else set()
    if about and not ({"scores", "conditions", "predictions"} | shown_by_a_map) & set(about):
        return about[0]
    lead = LEADS[shape]
    return lead if lead in there else "scores"


def _sections_there(
    view: View, plates: Mapping[str, Sequence[Drawn]], texts: Sequence[TextPanel], lead_section: str
) -> set[str]:
    there = {section for section, held in plates.items() if held} | {section for section, _ in OTHER_SECTIONS}
    there |= {"rates"} if view.tuned else set()
    there |= {"verdicts"} if view.verdicts else set()
    there |= {"pairs"} if view.pairs else set()
    there |= {"divergence"} if lead_section != "divergence" else set()
    return there | ({"predictions"} if texts else set()) | ({"profile"} if view.across else set())


def _write_files(folder: Path, study: Study, view: View, form: Form, reloads: bool) -> None:
    (folder / "figures").mkdir()
    (folder / "tables").mkdir()
    pieces: list[Callable[[], Any]] = [partial(explored_of, study, view), partial(tables.runs_csv, study)]
    pieces += [partial(files_of, drawing) for drawing in drawings(study, view)]
    explored, runs_csv, *figures = shared_out(pieces)
    made = list(chain(*figures))
    drawn = [figure for figure in made if isinstance(figure, Drawn)]
    for figure in drawn:
        (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
        (folder / "figures" / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
    notes = [str(figure) for figure in made if isinstance(figure, LeftOut)]
    view = replace(view, notes=(*view.notes, *notes))
    (folder / "tables" / "conditions.csv").write_text(tables.conditions_csv(view), encoding="utf-8")
    (folder / "tables" / "runs.csv").write_text(runs_csv, encoding="utf-8")
    if view.verdicts:
        (folder / "tables" / "verdicts.csv").write_text(tables.verdicts_csv(view.verdicts), encoding="utf-8")
    if view.pairs:
        (folder / "tables" / "pairs.csv").write_text(tables.pairs_csv(view.pairs), encoding="utf-8")
    write_summary(folder, view)
    for each in dict.fromkeys(("html", form)):
        (folder / PAGES[each]).write_text(render(study, view, drawn, explored, each, reloads), encoding="utf-8")
