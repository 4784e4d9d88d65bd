"""An engine that computes in the test's own process, and a study's folder with some of its runs."""

import pytest

from rnnlab.records import claims
from rnnlab.records.study import StudyFile, read_study_file
from rnnlab.sweep import sweep as module
from rnnlab.sweep.engine import Cancelled, Died, Done
from rnnlab.sweep.finished import finish, killed
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.until import sweep_until
from rnnlab.sweep.worker import work_on
from rnnlab.training.loop import train


class InlineEngine:
    """Computes packs in this process, as many runs a pack as the planner wants.

    cancelled, deadly: the seeds of runs whose pack is cancelled, or kills its worker."""

    n_workers, n_free = 1, 100
    pack_memory_gb, pack_overhead_s, shares_folder, writes_records = 1.0, 0.0, False, False

    def __init__(self, cancelled=(), deadly=()):
        self.cancelled, self.deadly, self.packs, self.forgotten = set(cancelled), set(deadly), [], set()

    def resume(self, everything):
        return []

    def forget(self, run_ids):
        self.forgotten |= set(run_ids)

    def submit(self, pack):
        self.packs.append(pack)

    def wait(self, timeout_s):
        if timeout_s == 0:
            return []
        pack = self.packs.pop(0)
        seeds = {run.seed for run in pack.runs}
        if seeds & self.cancelled:
            return [Cancelled(pack)]
        return [Died(pack)] if seeds & self.deadly else [Done(pack, *work_on(pack))]

    def close(self):
        self.packs = []  # a later sweep of the same test starts the same engine


@pytest.fixture
def runs(run_config):
    return [run_config(seed=seed) for seed in range(4)]


@pytest.fixture
def folder(tmp_path, runs):
    """Records of runs 0 (completed) and 1 (failed); 2 half-written; 3 not there."""
    (done,) = train(runs[:1])
    finish(runs[0], done).write(tmp_path / runs[0].folder, {})
    killed(runs[1]).write(tmp_path / runs[1].folder, {})
    half = tmp_path / runs[2].folder
    half.mkdir()
    (half / "run.json").write_text('{"schema": 1, "run_id":')
    return tmp_path


@pytest.fixture
def inline(monkeypatch):
    """inline(**options): sweeps use an InlineEngine with these options, which is returned."""

    def use(**options):
        engine = InlineEngine(**options)
        monkeypatch.setattr(module, "start_engine", lambda *_: engine)
        return engine

    return use


@pytest.fixture
def take_looks(run_config):
    """take_looks(folder, engine=...): two looks of a sweep with one claim -> the records and study.json's looks."""
    claim = {
        "says": "relu learns",
        "quantity": "learned",
        "of": {"cell.activation": "relu"},
        "than": 0.5,
        "is": "higher",
    }

    def taken(folder, **options):
        runs = [
            run_config(cell__activation=activation, seed=seed) for activation in ("tanh", "relu") for seed in range(4)
        ]
        sweep_until(
            runs,
            folder,
            StudyFile("looks", claims=claims.parse([claim])),
            (2, 4),
            undecided=lambda folder, precision: (0,),
            options=SweepOptions(report=False, **options),
        )
        names = ("run.json", "curves.csv", "predictions.csv")
        found = {
            run.parent.name: [(run.parent / name).read_bytes() for name in names] for run in folder.glob("*/run.json")
        }
        assert len(found) == 6, "the second look is taken of relu alone"
        return found, read_study_file(folder)[0].looks

    return taken
