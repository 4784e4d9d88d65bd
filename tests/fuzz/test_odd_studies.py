"""Studies as no version of rnnlab writes them: a report, a resume, an export and a check come to their end."""

import json
import os
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import rnnlab
from rnnlab.export.errors import ExportError
from rnnlab.export.export import export
from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.digests import SUMS
from rnnlab.records.study import StudyFile, write_study_file
from rnnlab.report.figures.plate import to_svg
from rnnlab.report.figures.registry import LeftOut, plates_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.page import tables
from rnnlab.report.page.explore.blocks import explored_of
from rnnlab.report.page.page import render
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study
from rnnlab.runs.command import main
from rnnlab.sweep.done import already_done
from rnnlab.sweep.finished import finish
from rnnlab.training.loop import train

IN_SUITE = os.environ.get("RNNLAB_FUZZ", "suite") == "suite"  # `make fuzz`: RNNLAB_FUZZ=random
shared = {"deadline": None, "database": None, "derandomize": IN_SUITE, "suppress_health_check": list(HealthCheck)}
many = settings(max_examples=15 if IN_SUITE else 300, **shared)
few = settings(max_examples=3 if IN_SUITE else 50, **shared)  # of what draws

RUN_FILES = ["run.json", "curves.csv", "predictions.csv", "gradients.csv", "provenance.json", SUMS]
CLAIM = {"says": "relu is better", "quantity": "score", "of": {"cell.activation": "relu"},
         "against": {"cell.activation": "tanh"}, "is": "higher", "margin": 0.1}  # fmt: skip
REACH = {"says": "vanishes", "quantity": "gradient_reach", "of": {"cell.activation": "tanh"}, "than": -2.0,
         "is": "lower"}  # fmt: skip

DEEP = "as deep as no reader goes"  # stands for 5000 lists in each other, which json.dumps does not write
WORDS = ["", "a\nb", "`|<b>", "\ud800", "x" * 5000, "nan", "inf", "1e999", "../..", "\0", "=1+1", "안녕"]
NUMBERS = [-1, 0, True, 10**400, -(10**30), 2**63, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 0.5]
odd = st.one_of(
    st.sampled_from([*WORDS, *NUMBERS, DEEP, None, [], {}, [[]], {"": None}, [1, "a"], {"name": 3}]),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
    st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)
cell = st.one_of(
    st.sampled_from(["", "text", "nan", "inf", "-1", "1" * 400, "1e999", "0.5", "\t", '"', "9" * 25]), st.text()
)
sealing = st.sampled_from(["sealed", "without digests", "as it is"])  # what becomes of the digests of a changed record


@dataclass(frozen=True)
class InJson:
    """Put a value into a JSON file, at one of its places; or remove what stands there."""

    file: str
    place: int
    value: object
    remove: bool

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if not path.is_file():
            return
        try:
            data = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError):
            return
        places = [(data, key) for key in data] if isinstance(data, dict) else []
        for holder, key in places:  # grows on the way
            inner = holder[key]
            if isinstance(inner, dict | list):
                places += [(inner, each) for each in (inner if isinstance(inner, dict) else range(len(inner)))]
        if not places:
            return
        holder, key = places[self.place % len(places)]
        if self.remove:
            del holder[key]
        else:
            holder[key] = self.value
        path.write_text(json.dumps(data).replace(json.dumps(DEEP), "[" * 5000 + "]" * 5000))


@dataclass(frozen=True)
class InTable:
    """Write into a cell of a CSV file, its header included."""

    file: str
    row: int
    column: int
    text: str

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if not path.is_file():
            return
        rows = [line.split(",") for line in path.read_text(errors="replace").split("\n")]
        row = rows[self.row % len(rows)]
        row[self.column % len(row)] = self.text
        path.write_text("\n".join(map(",".join, rows)), errors="surrogatepass")


@dataclass(frozen=True)
class InBytes:
    """Cut a file off, and write something behind."""

    file: str
    share: float
    more: bytes

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if path.is_file():
            content = path.read_bytes()
            path.write_bytes(content[: int(self.share * len(content))] + self.more)


@dataclass(frozen=True)
class OfAnotherKind:
    """Put something else into the place of a file, or of the run's folder."""

    file: str
    kind: str

    def do(self, folder: Path) -> None:
        path = folder / self.file if self.file else folder
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if self.kind == "folder":
            path.mkdir()
        elif self.kind == "pipe":
            os.mkfifo(path)
        elif self.kind != "nothing":
            path.symlink_to({"loop": path.name, "nowhere": "nowhere"}[self.kind])


@dataclass(frozen=True)
class Repeated:
    """A copy of the record in another folder, under a name that may be odd."""

    name: str

    def do(self, folder: Path) -> None:
        place = folder.parent / self.name
        if folder.is_dir() and not place.exists():
            with suppress(shutil.Error):  # a pipe cannot be copied
                shutil.copytree(folder, place, symlinks=True)


json_changes = st.builds(
    InJson, st.sampled_from(["run.json", "run.json", "provenance.json"]), st.integers(0, 10**6), odd, st.booleans()
)
changes_of_runs = st.one_of(
    json_changes,
    st.builds(InTable, st.sampled_from(RUN_FILES[1:4]), st.integers(0, 50), st.integers(0, 9), cell),
    st.builds(
        InBytes, st.sampled_from(RUN_FILES), st.floats(0, 1), st.sampled_from([b"", b"\xff", b"\0", b"{", b"a,b"])
    ),
    st.builds(
        OfAnotherKind,
        st.sampled_from([*RUN_FILES, "weights.safetensors", ""]),
        st.sampled_from(["folder", "loop", "nowhere", "pipe", "nothing"]),
    ),
    st.builds(Repeated, st.sampled_from(["again", "a\nb", "`|<b>", "\udcff", "x" * 200])),
)
changes_of_studies = st.one_of(
    st.builds(InJson, st.just("study.json"), st.integers(0, 10**6), odd, st.booleans()),
    st.builds(InBytes, st.just("study.json"), st.floats(0, 1), st.sampled_from([b"", b"\xff", b"null", b"[]"])),
    st.builds(OfAnotherKind, st.just("study.json"), st.sampled_from(["folder", "loop", "pipe"])),
)


@dataclass(frozen=True)
class Oddity:
    of_runs: list  # number of the run, change, what becomes of its digests
    of_study: list


oddities = st.builds(
    Oddity,
    st.lists(st.tuples(st.integers(0, 7), changes_of_runs, sealing), max_size=4),
    st.lists(changes_of_studies, max_size=2),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory, run_config):
    """A study of 8 runs of three layouts of predictions, and what its runs have been."""
    runs = [run_config(seed=seed, cell__activation=name) for seed in range(3) for name in ("tanh", "relu")]
    runs += [run_config("digits"), run_config("temporal_order")]
    finished = {run.folder: finish(run, train([run])[0]) for run in runs}
    folder = tmp_path_factory.mktemp("odd") / "study"
    for name, each in finished.items():
        each.write(folder / name, {"host": "here", "finished": "2026-11-20T10:00:00+00:00"})
    study = StudyFile("odd", "Which one?", claims=claims.parse([CLAIM, REACH]))
    write_study_file(folder, study.expecting({run.folder: {"cell.activation": "tanh", "seed": 0} for run in runs}))
    return folder, runs, finished


@pytest.fixture(scope="module")
def make(base, tmp_path_factory, seal):
    """make(oddity) -> the folder of the study with it."""
    whole, runs, _ = base
    place = tmp_path_factory.mktemp("made") / "study"

    def make(oddity):
        shutil.rmtree(place.parent)
        shutil.copytree(whole, place)
        for number, change, sealed in oddity.of_runs:
            folder = place / runs[number % len(runs)].folder
            if not folder.is_dir():
                continue
            change.do(folder)
            if all((folder / name).is_file() for name in ("run.json", SUMS)) and sealed != "as it is":
                with suppress(OSError):  # a folder in the place of a table
                    seal(folder) if sealed == "sealed" else (folder / SUMS).unlink()
        for change in oddity.of_study:
            change.do(place)
        return place

    return make


def read(folder):
    try:
        return read_study(folder)
    except StudyError as error:
        for text in (str(error), *error.reasons):
            assert "\n" not in text and text.isprintable(), text
        return None


@many
@given(oddity=oddities)
def test_an_odd_study_has_its_page_and_every_run_is_on_it_or_named(make, oddity):
    folder = make(oddity)
    study = read(folder)
    if study is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that overflow; the page shows them as infinite
        view = view_of(study)
        for form in ("html", "md"):
            assert render(study, view, (), explored_of(study, view), form).encode()
        for text in (tables.runs_csv(study), tables.conditions_csv(view), tables.verdicts_csv(view.verdicts)):
            assert text.encode()
    named = {run.folder for run in study.members} | {problem.name for problem in study.problems}
    there = {path.name for path in folder.iterdir() if path.is_dir() and (path / "run.json").exists()}
    assert {name for name in there if name.isprintable()} <= named


@many
@given(oddity=oddities)
def test_an_odd_study_is_exported_and_loaded(make, oddity):
    folder = make(oddity)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            place, _ = export(folder, "csv")
        except (StudyError, ExportError):
            return
        assert len((place / "runs.csv").read_text(encoding="utf-8").splitlines()) > len(read(folder).members)
        results = rnnlab.load(folder)
        for name in ("runs", "curves", "predictions", "gradients", "verdicts", "pairs"):
            assert getattr(results, name) is not None


@many
@given(oddity=oddities)
def test_an_odd_study_is_resumed_and_nothing_is_lost(base, make, oddity):
    folder = make(oddity)
    _, runs, finished = base
    before = contents(folder)
    try:
        found = already_done(folder, runs, "failed")
    except ConfigError as error:
        assert "another version" in str(error) or "is not the record of" in str(error)
        return
    missing = [run for run in runs if run.run_id not in found.done]
    found.set_aside(folder, missing)
    for run in missing:
        finished[run.folder].write(folder / run.folder, {})
    after = contents(folder)
    kept = {(path.parent, content) for path, content in after.items()}
    replaced = {path: content for path, content in before.items() if after.get(path) != content}
    for path, content in replaced.items():
        if path.name not in ("provenance.json", ".checked") and path.parent != folder:
            assert (path.parent, content) in kept or is_only_cut_off_elsewhere(path, found, runs)
    again = already_done(folder, runs, "failed")
    assert again.done.keys() == {run.run_id for run in runs} and not again.damaged


def is_only_cut_off_elsewhere(path, found, runs):
    """A file of a record that was given up for another of its files, which is named and kept."""
    damaged = {run.folder for run in runs if run.run_id in found.damaged}
    return path.parent.name in damaged or not (path.parent / "run.json.damaged").exists()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@many
@given(oddity=oddities)
@example(oddity=Oddity([], []))
def test_an_odd_study_is_verified(make, capsys, oddity):
    code = main(["verify", str(make(oddity))])
    said = capsys.readouterr()
    assert code == (1 if said.out else 0)
    assert all(line.isprintable() for line in said.out.splitlines())
    if not oddity.of_runs:
        assert code == 0


@few
@given(oddity=oddities)
def test_every_figure_of_an_odd_study_can_be_drawn_and_saved(make, oddity):
    study = read(make(oddity))
    if study is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for plate in plates_of(study, view_of(study)):
            assert not isinstance(plate, LeftOut), plate
            assert to_svg(plate).encode()
