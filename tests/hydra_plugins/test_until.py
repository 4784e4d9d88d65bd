"""until=decided from the command to the records: what is refused, resumed after a kill, and returned to Hydra."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from hydra.experimental.callback import Callback

from rnnlab.hydra import runs as module
from rnnlab.sweep.until import sweep_until

STUDY = """\
# @package _global_
question: why?
study: mine
claims:
  - {says: relu learns, quantity: score, of: {cell.activation: relu}, than: 0.5, is: higher}
  - {says: tanh learns, quantity: score, of: {cell.activation: tanh}, than: 0.5, is: higher}
task: {n_points: 40, window: 4, forecast_steps: 3}
cell: {hidden_size: 5}
training: {steps: 3, batch_size: 8}
hydra: {sweeper: {params: {cell.activation: "tanh,relu", seed: "range(3)"}}}
"""
UNTIL = ("until=decided", "first_seeds=2", "max_seeds=6")  # looks at 2, 4, 6 seeds
LOOKS = {"planned": [2, 4, 6], "taken": [[0, 1], [1], [1]]}
SEEDS = {"relu": [0, 1], "tanh": [0, 1, 2, 3, 4, 5]}


@pytest.fixture
def sweep(rnnlab, tmp_path, monkeypatch):
    """sweep("until=decided", ...): the command's exit code; after each look the second claim is undecided."""
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(STUDY)
    monkeypatch.setattr(module, "sweep_until", partial(sweep_until, undecided=lambda folder, precision: (1,)))
    quick = ("hydra.launcher.n_workers=1", "hydra.launcher.report=false")
    return lambda *arguments: rnnlab(
        "-m", "--config-dir", str(folder.parent), "experiment=mine", *quick, *UNTIL, *arguments
    )


def study(folder="outputs/mine"):
    return json.loads(Path(folder, "study.json").read_text())


def seeds(folder="outputs/mine"):
    """activation -> the seeds of the runs in the folder."""
    found = {}
    for path in Path(folder).glob("*/run.json"):
        _, _, activation, seed, _ = path.parent.name.split("-")
        found.setdefault(activation, []).append(int(seed[1:]))
    return {activation: sorted(of) for activation, of in found.items()}


def content(folder="outputs/mine"):
    """Every byte that follows from the command alone; study.json has the command, with its process's name."""
    names = ("run.json", "curves.csv", "predictions.csv", "weights.safetensors")
    records = {path: path.read_bytes() for name in names for path in Path(folder).glob(f"*/{name}")}
    found = {str(path.relative_to(folder)): data for path, data in records.items()}
    return found, {key: value for key, value in study(folder).items() if key != "command"}


def test_the_command_takes_look_after_look_whatever_seeds_the_study_has(sweep, capsys):
    assert sweep() == 0
    assert seeds() == SEEDS
    assert study()["looks"] == LOOKS
    captured = capsys.readouterr()
    warnings = captured.err.splitlines()  # of the last look, and once
    assert len(warnings) == 2 and all(line.endswith("more seeds: max_seeds=8") for line in warnings)
    assert [line for line in captured.out.splitlines() if " runs" not in line] == [
        "look 1 of 3: 2 seeds; planned next: 4, 6",
        "look 2 of 3: 4 seeds; 1 of 2 claims undecided: tanh learns",
        "look 3 of 3: 6 seeds; 1 of 2 claims undecided: tanh learns",
        "1 of 2 claims undecided: tanh learns; 6 seeds were the last look",
    ]


def test_the_settings_of_the_looks_are_no_part_of_a_run(sweep):
    assert sweep() == 0
    for path in Path("outputs/mine").glob("*/run.json"):
        assert not {"until", "first_seeds", "max_seeds", "precision"} & set(json.loads(path.read_text())["config"])


def test_a_sweep_of_all_seeds_has_the_same_records_and_no_looks(sweep, monkeypatch):
    assert sweep() == 0
    assert sweep("until=null", "first_seeds=2", "study=plain", "seed=range(6)") == 2  # first_seeds does not act
    records, _ = content()
    monkeypatch.setattr(module, "sweep_until", partial(sweep_until, undecided=lambda folder, precision: (0, 1)))
    assert sweep("study=all") == 0
    assert {name: content("outputs/all")[0][name] for name in records} == records


def test_a_dry_run_shows_the_first_look_and_trains_nothing(sweep, capsys):
    assert sweep("hydra.launcher.dry_run=true") == 0
    out = capsys.readouterr().out
    assert "look 1 of 3: 2 seeds; planned next: 4, 6\n" in out
    assert "0 runs are done, 4 to compute in 1 pack" in out
    assert not Path("outputs").exists()


class Watcher(Callback):
    """Keeps what Hydra tells callbacks."""

    jobs: list = []  # noqa: RUF012

    def on_job_end(self, config, job_return, **kwargs):
        self.jobs.append((config.cell.activation, config.seed, job_return.status.name))


def test_callbacks_see_the_jobs_of_the_runs_that_were_needed(sweep, monkeypatch):
    monkeypatch.setattr(Watcher, "jobs", jobs := [])
    monkeypatch.setitem(sys.modules, "watching", sys.modules[__name__])
    assert sweep("+hydra.callbacks.watcher._target_=watching.Watcher") == 0
    assert sorted(jobs) == [(name, seed, "COMPLETED") for name, of in sorted(SEEDS.items()) for seed in of]


def test_each_job_has_a_return_and_that_of_a_run_that_was_not_needed_is_none(sweep, monkeypatch):
    returned = []
    run = module.TrainRuns.run
    monkeypatch.setattr(module.TrainRuns, "run", lambda *a: returned.extend(found := run(*a)) or found)
    assert sweep() == 0
    assert {job.status.name for job in returned} == {"COMPLETED"}
    needed = {(job.cfg.cell.activation, job.cfg.seed): isinstance(job.return_value, float) for job in returned}
    assert needed == {(name, seed): seed in SEEDS[name] for name in SEEDS for seed in range(6)}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["seed=0,1"], "seed: cannot be given with until=decided, whose seeds are 0 to 5 (max_seeds)"),
        (["claims=[]"], "until: 'decided'; needs claims, and study mine has none"),
        (["max_seeds=2,4"], "max_seeds: '2,4'; cannot be swept, it must be one for all runs of a sweep"),
        (["until=precise"], "precision: null; must be a number above 0 with until=precise"),
        (["until=null"], "first_seeds: does not act without until=decided or until=precise"),
        (["hydra.sweeper.max_batch_size=2"], "hydra.sweeper.max_batch_size: 2; must be null with until=decided"),
    ],
    ids=str,
)
def test_what_cannot_be_done_look_after_look_is_one_line(sweep, capsys, arguments, complaint):
    assert sweep(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"rnnlab: {complaint}")
    assert error.count("\n") == 1
    assert not Path("outputs").exists()


def test_one_sweep_goes_on_until_one_thing(rnnlab, capsys):
    assert rnnlab("-m", "experiment=activations", "until=decided,precise") == 2
    complaint = "rnnlab: until: 'decided,precise'; cannot be swept, it must be one for all runs of a sweep"
    assert capsys.readouterr().err.startswith(complaint)


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_another_launcher_cannot_take_looks(rnnlab, capsys, launcher):
    assert rnnlab("-m", "experiment=activations", "until=decided", f"hydra/launcher={launcher}") == 2
    assert capsys.readouterr().err == f"rnnlab: hydra/launcher: '{launcher}'; must be packed with until=decided\n"
    assert not Path("outputs").exists()


def test_another_sweeper_cannot_take_looks(rnnlab, capsys):
    assert (
        rnnlab(
            "-m",
            "experiment=activations",
            "until=decided",
            "task=sines",
            "cell.activation=tanh",
            "optimizer.learning_rate=0.01",
            "max_seeds=10",
            "hydra/sweeper=basic",
        )
        == 2
    )
    assert capsys.readouterr().err == "rnnlab: hydra/sweeper: 'basic'; must be packed with until=decided\n"


def test_a_single_run_has_no_looks(rnnlab, capsys):
    assert rnnlab("experiment=activations", "until=decided") == 2
    assert "rnnlab: until: 'decided'; must be null for a single run, a sweep is `rnnlab -m`" in capsys.readouterr().err
    assert not list(Path().rglob("run.json"))


# A command that is killed

COMMAND = """
import sys
from functools import partial

from rnnlab.hydra import runs
from rnnlab.sweep.until import sweep_until

runs.sweep_until = partial(sweep_until, undecided=lambda folder, precision: (1,))

if __name__ == "__main__":
    from rnnlab.app import run

    sys.exit(run())
"""
SLOW = ("task.n_points=500", "task.window=20", "training.steps=300", "hydra.launcher.memory_gb=0.01")  # a run a pack


@pytest.fixture
def started(tmp_path):
    """started("study=...", ...): the command in a process group of its own, gone after the test however that ends."""
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(STUDY)
    (tmp_path / "command.py").write_text(COMMAND)
    fixed = ("-m", "--config-dir", str(tmp_path / "conf"), "experiment=mine", "hydra.launcher.n_workers=1")
    processes = []

    def start(*arguments):
        words = [sys.executable, "command.py", *fixed, "hydra.launcher.report=false", *UNTIL, *SLOW, *arguments]
        process = subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_a_seed(process, folder, seed):
    """Until a run with the seed is written."""
    deadline = time.monotonic() + 120
    while not list(folder.glob(f"*-s{seed}-*/run.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.slow
def test_a_command_that_is_killed_in_any_look_goes_on_to_the_same_bytes(started, tmp_path):
    whole, parts = tmp_path / "outputs" / "whole", tmp_path / "outputs" / "parts"
    process = started("study=whole")
    assert process.wait(timeout=120) == 0
    for seed, n_taken in ((0, 1), (2, 2), (4, 3)):  # a seed of each look
        process = started("study=parts")
        wait_for_a_seed(process, parts, seed)
        process.kill()
        process.wait(timeout=60)
        assert len(study(parts)["looks"]["taken"]) >= n_taken
    process = started("study=parts")
    assert process.wait(timeout=120) == 0, process.stderr.read()
    assert seeds(parts) == seeds(whole) == SEEDS
    (records, described), (records_of_whole, described_of_whole) = content(parts), content(whole)
    assert records == records_of_whole
    assert described == described_of_whole | {"study": "parts"}
    assert described["looks"] == LOOKS
