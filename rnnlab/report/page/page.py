"""The report on disk: view model and figures -> one self-contained page, with figures and tables as files beside it.

    DIR/report/index.html   figures/*.png, figures/*.svg   tables/*.csv   (report.md)

The report is built in a folder of its own, which then takes the place of the old report: a reader finds one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from rnnlab.report.figures.plate import Plate, inlined, to_png, to_svg
from rnnlab.report.figures.registry import LeftOut, left_out, plates_of, sections
from rnnlab.report.judging.shape import Shape, shape_of
from rnnlab.report.judging.view import View, view_of
from rnnlab.report.page import tables
from rnnlab.report.page.explore.blocks import ROWS_AT_ONCE, Blocks, blocks_of_study, members_of
from rnnlab.report.page.explore.columns import columns_of
from rnnlab.report.page.folder import refresh_folder, write_folder
from rnnlab.report.page.run_table import run_table
from rnnlab.report.page.running import reloading, section_of_running, write_beginning
from rnnlab.report.page.summary import write_summary
from rnnlab.report.page.templating import render as render_template
from rnnlab.report.page.templating import script
from rnnlab.report.page.texts import TextPanel, text_panels
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import REPORT
from rnnlab.report.reading.part import Part, part_of
from rnnlab.report.reading.read import StudyError, read_study
from rnnlab.report.reading.running import running_in
from rnnlab.report.reading.study import Study
from rnnlab.report.words.glossary import explained
from rnnlab.report.words.sentences import section_of
from rnnlab.report.words.wording import number, percent
from rnnlab.statistics.rates import TUNING_SHARE
from rnnlab.statistics.resampling import MIN_RUNS_FOR_INTERVAL, N_RESAMPLES
from rnnlab.version import __version__

Form = Literal["html", "md"]
PAGES: dict[Form, str] = {"html": "index.html", "md": "report.md"}
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

Figures = Sequence[tuple[Plate, str]]  # each with its SVG file


def write_report(
    folder: Path, form: Form = "html", force: bool = False, reloads: bool = False, part: Part | None = None
) -> Path:
    """Read the study in `folder`, write DIR/report and return the path of its page.  Raises StudyError, OSError.

    A report that was made from the very same files by the same code is not made again, unless `force` is set.
    reloads: the page loads itself again every few seconds, and is replaced without being gone for a moment.
    part: report on these runs alone, in a folder of their own.  Raises ConfigError for a part that there is not."""
    place = folder / cache.PARTS / part.folder if part else folder / REPORT
    seen: dict[str, cache.Signature] = {}
    page, stamp = place / PAGES[form], cache.stamp_of(folder, seen)
    if force or reloads or not (page.exists() and cache.is_made_from(place, stamp)):
        (refresh_folder if reloads else write_folder)(place, _writer(folder, seen, form, reloads, part))
        if not reloads:
            cache.note_made(place, stamp)
    return page


def _writer(
    folder: Path, seen: Mapping[str, cache.Signature], form: Form, reloads: bool, part: Part | None
) -> Callable[[Path], None]:
    """What writes the files of the report.  Of a study that is running there may be no run to report on yet."""
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


def render(study: Study, view: View, drawn: Figures, form: Form = "html", reloads: bool = False) -> str:
    """The page as text.  Everything that comes from a file is escaped; only the figures are put in as they are."""
    svgs = {plate.name: svg for plate, svg in drawn}
    figure_sections = sections()
    plates = {section: [plate for plate, _ in drawn if plate.section == section] for section, _ in figure_sections}
    lead_section = _lead_section(view, plates)
    lead, plates[lead_section] = plates[lead_section][:1], plates[lead_section][1:]
    texts = [panel for task in view.tasks for panel in text_panels(study, task)]
    columns = columns_of(members_of(study), view.design.axes)
    blocks = blocks_of_study(study, view, columns) if form == "html" else Blocks({})
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
        svg=lambda plate: Markup(inlined(svgs[plate.name])),
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


def _lead_section(view: View, plates: Mapping[str, Sequence[Plate]]) -> str:
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
    view: View, plates: Mapping[str, Sequence[Plate]], texts: Sequence[TextPanel], lead_section: str
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
    drawn = []
    notes: list[str] = []
    for plate in plates_of(study, view):
        if isinstance(plate, LeftOut):
            notes.append(str(plate))
            continue
        try:
            svg, (png, lacking) = to_svg(plate), to_png(plate)
        except Exception as error:
            notes.append(str(left_out(plate.name, error)))
            continue
        (folder / "figures" / f"{plate.name}.png").write_bytes(png)
        (folder / "figures" / f"{plate.name}.svg").write_text(svg, encoding="utf-8")
        if lacking:
            words = f" The PNG lacks {' '.join(lacking)}: this machine has no font for it; page and SVG use yours."
            plate = replace(plate, caption=plate.caption + words)
        drawn.append((plate, svg))
    view = replace(view, notes=(*view.notes, *notes))
    (folder / "tables" / "conditions.csv").write_text(tables.conditions_csv(view), encoding="utf-8")
    (folder / "tables" / "runs.csv").write_text(tables.runs_csv(study), encoding="utf-8")
    if view.verdicts:
        (folder / "tables" / "verdicts.csv").write_text(tables.verdicts_csv(view.verdicts), encoding="utf-8")
    if view.pairs:
        (folder / "tables" / "pairs.csv").write_text(tables.pairs_csv(view.pairs), encoding="utf-8")
    write_summary(folder, view)
    for each in dict.fromkeys(("html", form)):
        (folder / PAGES[each]).write_text(render(study, view, drawn, each, reloads), encoding="utf-8")
