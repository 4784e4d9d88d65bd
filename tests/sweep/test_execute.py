"""What happens to packs whose workers die, with an engine that dies on command."""

from collections import Counter
from pathlib import Path

import pytest

from rnnlab.sweep.engine import Cancelled, Died, Done, Pack
from rnnlab.sweep.execute import Execution
from rnnlab.sweep.finished import FinishedRun


class FakeEngine:
    """Finishes what it is given in the order of submission, n_workers at once; dies of certain runs."""

    def __init__(self, n_workers=2, deadly=(), deaths=(), cancelled=()):
        self.n_workers, self.deadly, self.cancelled = n_workers, set(deadly), set(cancelled)
        self.deaths = list(deaths)  # how many of the next packs die whatever they hold
        self.packs, self.attempts = [], Counter()

    @property
    def n_free(self):
        return self.n_workers - len(self.packs)

    def submit(self, pack):
        assert self.n_free > 0
        self.packs.append(pack)
        self.attempts[tuple(run.seed for run in pack.runs)] += 1

    def wait(self, timeout_s):
        if timeout_s == 0:
            return []
        pack = self.packs.pop(0)
        if (self.deaths and self.deaths.pop(0)) or self.deadly & {run.seed for run in pack.runs}:
            return [Died(pack)]
        if self.cancelled & {run.seed for run in pack.runs}:
            return [Cancelled(pack)]
        runs = [FinishedRun(run.run_id, {}, "completed", False, float(run.seed), "") for run in pack.runs]
        return [Done(pack, runs, {"host": "fake"})]


@pytest.fixture
def packs_of(run_config):
    """packs_of([0, 1], [2]): packs of runs with these seeds"""
    return lambda *groups: [
        Pack([run_config(seed=n) for n in seeds], "cpu", checkpoint_folder=Path("x"), checkpoint_s=60.0)
        for seeds in groups
    ]


def test_every_run_is_delivered_once(packs_of):
    delivered = [d for d in Execution(packs_of(range(5), range(5, 8), range(8, 20)), FakeEngine()).deliveries() if d]
    assert sorted(d.run.seed for d in delivered) == list(range(20))
    assert all(d.finished.objective == d.run.seed for d in delivered)


def test_a_pack_whose_worker_died_once_is_tried_again_whole(packs_of):
    engine = FakeEngine(deaths=[True])
    delivered = [d for d in Execution(packs_of(range(4)), engine).deliveries() if d]
    assert engine.attempts == {(0, 1, 2, 3): 2}
    assert {d.finished.status for d in delivered} == {"completed"}


@pytest.mark.parametrize("deadly", [[0], [5], [7], [2, 3]])
def test_the_run_that_kills_its_worker_fails_alone(packs_of, deadly):
    delivered = [d for d in Execution(packs_of(range(8), range(8, 12)), FakeEngine(deadly=deadly)).deliveries() if d]
    assert sorted(d.run.seed for d in delivered) == list(range(12))
    failed = {d.run.seed: d.finished for d in delivered if d.finished.status == "failed"}
    assert set(failed) == set(deadly)
    assert all(run.summary.startswith("killed") for run in failed.values())


def test_halving_takes_no_more_attempts_than_it_must(packs_of):
    engine = FakeEngine(n_workers=1, deadly=[0])
    [d for d in Execution(packs_of(range(8)), engine).deliveries() if d]
    assert engine.attempts == {
        tuple(range(8)): 2,
        (0, 1, 2, 3): 1,
        (0, 1): 1,
        (0,): 1,
        (1,): 1,
        (2, 3): 1,
        (4, 5, 6, 7): 1,
    }


def test_no_more_packs_are_under_way_than_the_engine_takes(packs_of):
    engine = FakeEngine(n_workers=3)
    for _ in Execution(packs_of(*[[n] for n in range(10)]), engine).deliveries():
        assert len(engine.packs) <= 3


def test_new_packs_are_handed_out_before_results_are(packs_of):
    engine = FakeEngine(n_workers=1)
    next(delivery for delivery in Execution(packs_of([0, 1], [2, 3]), engine).deliveries() if delivery)
    assert [run.seed for run in engine.packs[0].runs] == [2, 3]


def test_a_cancelled_pack_is_not_tried_again(packs_of):
    engine = FakeEngine(cancelled=[1])
    execution = Execution(packs_of([0, 1], [2, 3]), engine)
    assert [d.run.seed for d in execution.deliveries() if d] == [2, 3]
    assert engine.attempts[0, 1] == 1


def test_packs_that_are_under_way_already_are_waited_for(packs_of):
    earlier, later = packs_of([0, 1], [2])
    engine = FakeEngine()
    engine.submit(earlier)
    delivered = [d for d in Execution([later], engine, n_running=1).deliveries() if d]
    assert [d.run.seed for d in delivered] == [0, 1, 2]
    assert delivered[0].provenance == {"host": "fake"}


def test_what_was_computed_and_not_taken_is_still_there_after_an_interruption(packs_of):
    execution = Execution(packs_of(range(5)), FakeEngine())
    taken = []
    for delivery in execution.deliveries():
        taken += [delivery] if delivery else []
        if len(taken) == 2:
            break
    assert [d.run.seed for d in execution.undelivered()] == [2, 3, 4]
