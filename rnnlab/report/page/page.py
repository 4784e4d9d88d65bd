"""The report on disk: view model and figures -> one self-contained page, with figures and tables as files beside it.

    DIR/report/index.html   figures/*.png, figures/*.svg   tables/*.csv   (report.md)

The report is built in a folder of its own, which then takes the place of the old report: a reader finds one of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from rnnlab.report.figures.plate import Plate, inlined, to_png, to_svg
from rnnlab.report.figures.registry import LeftOut, left_out, plates_of, sections
from rnnlab.report.judging.view import View, view_of
from rnnlab.report.page import tables
from rnnlab.report.page.folder import write_folder
from rnnlab.report.page.run_table import STATIC_ROWS, run_table
from rnnlab.report.page.templating import render as render_template
from rnnlab.report.page.templating import script
from rnnlab.report.page.texts import TextPanel, text_panels
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import REPORT
from rnnlab.report.reading.read import read_study
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
    ("conditions", "Conditions"),
    ("runs", "Runs"),
    ("problems", "Failed and missing"),
    ("made", "How it was made"),
)

Figures = Sequence[tuple[Plate, str]]  # each with its SVG file


def write_report(folder: Path, form: Form = "html", force: bool = False) -> Path:
    """Read the study in `folder`, write DIR/report and return the path of its page.  Raises StudyError, OSError.

    A report that was made from the very same files by the same code is not made again, unless `force` is set."""
    place = folder / REPORT
    page, stamp = place / PAGES[form], cache.stamp_of(folder)
    if force or not (page.exists() and cache.is_made_from(place, stamp)):
        study = read_study(folder)
        view = view_of(study)
        write_folder(place, lambda building: _write_files(building, study, view, form))
        cache.note_made(place, stamp)
    return page


def render(study: Study, view: View, drawn: Figures, form: Form = "html") -> str:
    """The page as text.  Everything that comes from a file is escaped; only the figures are put in as they are."""
    svgs = {plate.name: svg for plate, svg in drawn}
    figure_sections = sections()
    plates = {section: [plate for plate, _ in drawn if plate.section == section] for section, _ in figure_sections}
    lead_section = _lead_section(view, plates)
    lead, plates[lead_section] = plates[lead_section][:1], plates[lead_section][1:]
    texts = [panel for task in view.tasks for panel in text_panels(study, task)]
    there = _sections_there(view, plates, texts, lead_section)
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
        table=run_table(study, view),
        static_rows=STATIC_ROWS,
        terms=explained(_measured(study)) if plates["diagnostics"] else (),
        svg=lambda plate: Markup(inlined(svgs[plate.name])),
        problems_shown=PROBLEMS_SHOWN,
        conditions_shown=CONDITIONS_SHOWN,
        min_runs=MIN_RUNS_FOR_INTERVAL,
        n_resamples=N_RESAMPLES,
        version=__version__,
        script=script("table.js"),
    )


def _measured(study: Study) -> set[str]:
    """The metrics of the runs and the columns of their curves."""
    columns = {column for curves in study.curves.values() for column in curves}
    return columns | {metric for run in study.members for metric in run.metrics}


def _lead_section(view: View, plates: Mapping[str, Sequence[Plate]]) -> str:
    """The section whose first figure leads the page: the scores, unless all claims are about something else."""
    about = [section_of(verdict, {name for name, held in plates.items() if held}) for verdict in view.verdicts]
    return about[0] if about and not {"scores", "conditions", "predictions"} & set(about) else "scores"


def _sections_there(
    view: View, plates: Mapping[str, Sequence[Plate]], texts: Sequence[TextPanel], lead_section: str
) -> set[str]:
    there = {section for section, held in plates.items() if held} | {section for section, _ in OTHER_SECTIONS}
    there |= {"rates"} if view.tuned else set()
    there |= {"verdicts"} if view.verdicts else set()
    there |= {"pairs"} if view.pairs else set()
    there |= {"divergence"} if lead_section != "divergence" else set()
    return there | ({"predictions"} if texts else set()) | ({"profile"} if view.across else set())


def _write_files(folder: Path, study: Study, view: View, form: Form) -> None:
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
    for each in dict.fromkeys(("html", form)):
        (folder / PAGES[each]).write_text(render(study, view, drawn, each), encoding="utf-8")
