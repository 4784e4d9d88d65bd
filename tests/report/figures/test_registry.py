from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rnnlab.report import figures, write_report
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import figure_of_study, figure_of_task, plates_of, register_section, sections
from rnnlab.report.judging.view import view_of
from rnnlab.report.page import write
from rnnlab.report.reading.read import read_study

LATE = "a study with late figures"  # what is registered here draws for no other one


def blank(name, section):
    return Plate(name, section, name, f"The caption of {name}.", f"{name}: 1 of 1.", Figure((2, 1)))


@pytest.fixture
def late_study(build, tmp_path):
    build.runs(tmp_path, [build.record(task) for task in ("sines", "digits")])
    build.study_file(tmp_path, study=LATE)
    return tmp_path


def names(folder):
    study = read_study(folder)
    return [plate.name for plate in plates_of(study, view_of(study))]


def test_the_sections_stand_in_the_order_of_the_page():
    order = ["verdicts", "scores", "pairs", "curves", "predictions", "divergence", "gradients"]
    order += ["diagnostics", "sensitivity", "tuning", "profile"]
    assert [name for name, _ in sections() if name in order] == order


def test_every_module_that_draws_registers_what_it_draws():
    for path in Path(figures.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ("@styled\ndef draw_" in text) == ("\n@figure_of_" in text), path


def test_a_figure_that_is_registered_late_is_on_the_page_in_its_place(late_study):
    assert names(late_study) == ["scores", "curves-digits", "curves-sines", "confusion-digits", "predictions-sines"]

    @figure_of_study("scores", place=2)
    def of_study(study, view, style_of):
        if view.name == LATE:
            yield blank("late", "scores")

    @figure_of_task("curves", place=0)
    def of_task(study, task, style_of):
        if study.file.study == LATE:
            yield blank(f"late-{task.facts.name}", "curves")

    assert names(late_study)[:5] == ["scores", "late", "late-digits", "late-sines", "curves-digits"]
    text = write_report(late_study).read_text(encoding="utf-8")
    places = [text.index(f'id="figure-{name}"') for name in ("scores", "late", "late-digits", "curves-digits")]
    assert places == sorted(places)
    assert (late_study / "report" / "figures" / "late-sines.svg").is_file()


def test_figures_of_tasks_in_one_place_stand_together_task_by_task(late_study):
    for kind in ("one", "other"):

        @figure_of_task("tuning", place=9)
        def of_task(study, task, style_of, kind=kind):
            if study.file.study == LATE:
                yield blank(f"{kind}-{task.facts.name}", "tuning")

    assert [name for name in names(late_study) if name.startswith(("one", "other"))] == [
        "one-digits", "other-digits", "one-sines", "other-sines",
    ]  # fmt: skip


def test_a_new_section_is_on_the_page_with_its_title(late_study):
    register_section("memory", "What is remembered", place=1.5)

    @figure_of_study("memory", place=1)
    def of_study(study, view, style_of):
        if view.name == LATE:
            yield blank("memory", "memory")

    text = write_report(late_study).read_text(encoding="utf-8")
    assert "<h2>What is remembered</h2>" in text and '<a href="#memory">What is remembered</a>' in text
    assert text.index('id="curves"') < text.index('id="memory"') < text.index('id="predictions"')


def test_a_section_that_is_not_there_and_one_that_is_are_errors():
    with pytest.raises(ValueError, match="section 'scorse' of the page; one of scores, curves"):
        figure_of_study("scorse", place=1)
    with pytest.raises(ValueError, match="a section named 'scores' is registered already"):
        register_section("scores", "Scores", place=1)


@pytest.mark.parametrize("when", ["at once", "after its first plate", "when it is saved"])
def test_a_figure_that_cannot_be_drawn_is_left_out_and_named_and_the_others_are_there(build, tmp_path, when):
    build.runs(tmp_path, [build.record(task) for task in ("sines", "digits")])
    build.study_file(tmp_path, study=when)

    class Unsavable(Figure):
        def savefig(self, *args, **options):
            raise ZeroDivisionError("<b>by zero</b>\nand more")

    @figure_of_study("scores", place=1.5)
    def of_study(study, view, style_of):
        if view.name != when:
            return
        if when == "after its first plate":
            yield blank("first", "scores")
        if when == "when it is saved":
            yield Plate("unsavable", "scores", "", "", "", Unsavable((2, 1)))
        else:
            raise ZeroDivisionError("<b>by zero</b>\nand more")

    for form in ("html", "md"):
        text = write.write_report(tmp_path, form).read_text(encoding="utf-8")
        name = "unsavable" if when == "when it is saved" else "test_registry"
        end = "&gt;" if form == "html" else ">"
        said = f"ZeroDivisionError: &lt;b{end}by zero&lt;/b{end} and more"
        assert f"The figure {name} is left out, as it cannot be drawn ({said})." in text
        assert "<b>by" not in text
    drawn = {path.stem for path in (tmp_path / "report" / "figures").glob("*.png")}
    others = {"scores", "curves-digits", "curves-sines", "confusion-digits", "predictions-sines"}
    assert drawn - {"first"} == others and ("first" in drawn) == (when == "after its first plate")


def test_a_name_that_is_too_long_for_a_file_is_cut_and_stays_different():
    long = ["a" * 300, "a" * 299 + "b", "ä" * 150, "ä" * 149 + "b"]
    stems = [file_stem("curves", name) for name in long]
    assert len(set(stems)) == 4 and max(len(stem.encode()) for stem in stems) < 200
    assert file_stem("curves", "a/b") == "curves-a_b"
