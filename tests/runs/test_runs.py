"""rnnlab-runs find, show, compare, delete and disk, on two small studies."""

import io
import shutil
import sys

import pytest
from filelock import FileLock
from rich.console import Console

from rnnlab.report.reading.read import read_study
from rnnlab.runs import output
from rnnlab.runs.command import main
from rnnlab.sweep.finished import finish
from rnnlab.training.checkpoints import read_checkpoints, write_checkpoint
from rnnlab.training.loop import train
from rnnlab.training.pack import Pack


@pytest.fixture(scope="module")
def runs(run_config):
    return [run_config(cell__activation=name, seed=seed) for name in ("tanh", "relu") for seed in range(2)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, runs):
    folder = tmp_path_factory.mktemp("runs") / "outputs"
    for run, result in zip(runs, train(runs), strict=True):
        finish(run, result).write(folder / "study" / run.folder, {"host": "here", "command": "rnnlab -m"})
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "outputs") / "study"


@pytest.fixture
def called(capsys):
    """called("find", folder, ...) -> exit code, lines on stdout, text on stderr."""

    def call(*words):
        code = main(list(map(str, words)))
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.strip()

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_find_lists_what_meets_the_conditions_with_the_settings_that_differ(folder, runs, called):
    code, lines, _ = called("find", folder, "cell.activation=relu")
    head, *rows = [line.split("\t") for line in lines]
    assert code == 0
    assert head == ["run", "seed", "outcome", "steps_done", "test_loss"]
    assert [row[:2] for row in rows] == [[runs[2].folder, "0"], [runs[3].folder, "1"]]
    loss = read_study(folder).members[0].metrics["test_loss"]
    assert f"{loss:.6g}" in {row[4] for row in rows}
    assert called("find", folder)[1][0].split("\t")[:3] == ["run", "cell.activation", "seed"]


def test_find_can_give_names_alone_and_ends_with_1_when_there_are_none(folder, runs, called):
    assert called("find", folder, "seed=1", "--names") == (0, [runs[3].folder, runs[1].folder], "")
    assert called("find", folder, "steps_done>1000", "--names") == (1, [], "")


def test_on_a_terminal_it_is_a_table(folder, called, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(output, "Console", lambda file: Console(file=screen, force_terminal=True, width=120))
    assert called("find", folder, "seed=0")[0] == 0
    assert "2 runs of " in screen.getvalue() and "\x1b[1m" in screen.getvalue() and "\t" not in screen.getvalue()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["cell.activation=rleu"], "'cell.activation=rleu': no run has 'rleu'"),
        (["sines-nothing"], "'sines-nothing': no such run"),
        (["cell.activation<relu"], "'relu' is no number"),
    ],
)
def test_what_fits_no_run_is_one_line_and_exit_code_2(folder, called, words, complaint):
    code, lines, said = called("find", folder, *words)
    assert (code, lines) == (2, [])
    assert complaint in said and "\n" not in said


def test_a_folder_without_runs_is_one_line_and_exit_code_2(tmp_path, called):
    code, _, said = called("find", tmp_path / "nowhere")
    assert (code, said) == (2, f"rnnlab-runs: {tmp_path / 'nowhere'}: no such folder")


def test_show_has_settings_results_provenance_and_files(folder, runs, called):
    for name in (runs[0].folder, runs[0].run_id[:6], f"{folder / runs[0].folder}/"):
        code, lines, _ = called("show", folder, name)
        assert code == 0
        rows = {tuple(line.split("\t")[:2]): line.split("\t")[2] for line in lines}
        assert rows["setting", "cell.activation"] == "tanh"
        assert rows["result", "outcome"] == read_study(folder).members[-1].outcome or rows["result", "outcome"]
        assert rows["result", "run_id"] == runs[0].run_id
        assert rows["provenance", "command"] == "rnnlab -m"
        assert ("file", "run.json") in rows


def test_show_needs_one_run_and_compare_several(folder, called):
    assert called("show", folder, "seed=0")[2].startswith("rnnlab-runs: 2 runs found: ")
    assert called("compare", folder, "seed=0", "cell.activation=relu")[2] == (
        "rnnlab-runs: 1 run found; compare needs 2 to 12"
    )


def test_compare_shows_what_differs_and_nothing_else(folder, runs, called):
    code, lines, _ = called("compare", folder, runs[0].folder, runs[2].folder)
    head, *rows = [line.split("\t") for line in lines]
    assert code == 0
    settings = [row[1:] for row in rows if row[0] == "setting"]
    order = {runs[0].folder: "tanh", runs[2].folder: "relu"}
    assert settings == [["cell.activation", *(order[name] for name in head[2:])]]
    assert "test_loss" in {row[1] for row in rows if row[0] == "result"}
    assert "naive_loss" not in {row[1] for row in rows}, "it is the same of both"


def test_delete_takes_the_records_and_what_checkpoints_hold_of_them(folder, runs, called):
    states = Pack.begin([lane_of(run) for run in runs], "cpu", "torch").states()
    checkpoints = folder / ".checkpoints"
    write_checkpoint(checkpoints / "all.checkpoint", states)
    write_checkpoint(checkpoints / "one.checkpoint", states[:1])
    code, lines, _ = called("delete", folder, "cell.activation=tanh", "--yes")
    assert code == 0
    assert lines[-1].startswith("deleted: 2 runs, ")
    assert names(folder) == sorted(run.folder for run in runs[2:])
    assert [path.name for path in checkpoints.iterdir()] == ["all.checkpoint"]
    left = read_checkpoints(checkpoints, [run.run_id for run in runs])
    assert set(left) == {run.run_id for run in runs[2:]}
    assert left[runs[3].run_id].weights.tobytes() == states[3].weights.tobytes()
    called("delete", folder, *(run.folder for run in runs[2:]), "--yes")
    assert names(folder) == [] and not checkpoints.exists()


def lane_of(run):
    from rnnlab.training.lane import Lane

    return Lane.start(run)


@pytest.mark.parametrize(("answer", "n_left"), [("y\n", 2), ("n\n", 4), ("\n", 4), ("", 4)])
def test_delete_asks_first(folder, called, monkeypatch, answer, n_left):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    code, lines, _ = called("delete", folder, "seed=0")
    assert code == (0 if n_left == 2 else 1)
    assert len(names(folder)) == n_left
    assert "delete 2 runs, " in "\n".join(lines)


def test_delete_leaves_a_study_alone_in_which_a_command_is_at_work(folder, called):
    lock = FileLock(folder / ".lock")
    with lock:
        code, _, said = called("delete", folder, "seed=0", "--yes")
    assert code == 2 and "is in use by another rnnlab command" in said
    assert len(names(folder)) == 4


def test_a_run_that_cannot_be_read_is_deleted_by_its_whole_name(folder, runs, called):
    (folder / runs[0].folder / "run.json").write_text("{")
    assert called("delete", folder, runs[0].folder, "--yes")[0] == 0
    assert names(folder) == sorted(run.folder for run in runs[1:])


def test_nothing_beside_the_runs_can_be_deleted(folder, called):
    (folder / "report").mkdir()
    assert called("delete", folder, "report", "--yes")[0] == 2
    assert (folder / "report").is_dir()


def test_disk_adds_up(folder, runs, called):
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_bytes(b"x" * 5000)
    (folder / ".checkpoints").mkdir()
    (folder / ".checkpoints" / "a.checkpoint").write_bytes(b"x" * 700)
    records = sum(path.stat().st_size for run in runs for path in (folder / run.folder).iterdir())
    for place in (folder, folder.parent):
        code, (head, row), _ = called("disk", place)
        assert code == 0
        found = dict(zip(head.split("\t"), row.split("\t"), strict=True))
        assert found == {
            "study": str(folder),
            "runs": "4",
            "records": f"{records / 1000:,.1f} kB",
            "checkpoints": "700 bytes",
            "reports": "5.0 kB",
            "exports": "0 bytes",
            "other": "0 bytes",
            "together": f"{(records + 5700) / 1000:,.1f} kB",
        }


def test_disk_of_nothing_is_exit_code_2(tmp_path, called):
    assert called("disk", tmp_path)[0] == 2
