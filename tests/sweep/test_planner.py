"""Which runs share a pack."""

import random
from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import pytest

from rnnlab.sweep import planner
from rnnlab.sweep.planner import best_width, lane_bytes, pack_cost_s, plan
from rnnlab.training.construction import program_key

PLENTY = 1e3  # gigabytes


@pytest.fixture(scope="module")
def mixed(run_config):
    """Runs of six programs, of different numbers, shuffled."""
    runs = [
        run_config(task, cell__activation=activation, cell__hidden_size=size, seed=seed)
        for task, activation, size, seed in product(
            ("sines", "sinc", "digits"), ("tanh", "relu", "elu"), (5, 32), range(3)
        )
        if size == 5 or seed < 2
    ]
    random.Random(0).shuffle(runs)
    return runs


@pytest.mark.parametrize("n_workers", [1, 2, 7, 100])
def test_every_run_is_in_exactly_one_pack_of_one_program(mixed, n_workers):
    packs = plan(mixed, n_workers, PLENTY).packs
    assert Counter(run.run_id for pack in packs for run in pack) == Counter(run.run_id for run in mixed)
    assert all(len({program_key(run) for run in pack}) == 1 for pack in packs)


@pytest.mark.parametrize("n_workers", [1, 2, 7])
@pytest.mark.parametrize("n_runs", [1, 2, 5, 33, 100])
def test_packs_of_the_same_program_differ_by_at_most_one_lane(run_config, n_runs, n_workers, monkeypatch):
    monkeypatch.setattr(planner, "MAX_WIDTH", 8)
    runs = [run_config(seed=seed) for seed in range(n_runs)]
    widths = [len(pack) for pack in plan(runs, n_workers, PLENTY).packs]
    assert sum(widths) == n_runs
    assert max(widths) - min(widths) <= 1
    assert max(widths) <= 8


def test_there_is_work_for_every_worker_where_there_are_runs_enough(run_config):
    runs = [run_config(seed=seed) for seed in range(12)]
    for n_workers in (1, 2, 4, 6):
        assert len(plan(runs, n_workers, PLENTY).packs) >= n_workers


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_few_runs_are_spread_over_many_workers_one_by_one(run_config, backend):
    runs = [run_config(seed=seed) for seed in range(9)]
    assert [len(pack) for pack in plan(runs, 100, PLENTY, backend_of=lambda run: backend).packs] == [1] * 9


def test_the_runs_of_a_pack_are_computed_by_one_backend(mixed):
    def backend_of(run):
        return "torch" if run.cell.activation.name == "elu" else "compiled"

    packs = plan(mixed, 2, PLENTY, backend_of=backend_of).packs
    assert sum(map(len, packs)) == len(mixed)
    assert all(len({backend_of(run) for run in pack}) == 1 for pack in packs)
    assert {backend_of(pack[0]) for pack in packs} == {"torch", "compiled"}
    programs = {program_key(run) for run in mixed}
    assert len(packs) > len(programs)


def test_a_pack_is_as_wide_as_a_few_seconds_and_on_a_gpu_as_a_call_needs(run_config):
    long = run_config(training__steps=10**6)
    assert best_width(long, 1, PLENTY) == 1
    assert best_width(long, 1, PLENTY, "torch") == 1
    assert best_width(long, 1, PLENTY, "torch", "cuda") > 1
    short = run_config(training__steps=1)
    assert best_width(short, 1, PLENTY) * pack_cost_s([short]) <= planner.PACK_S
    assert best_width(short, 1, PLENTY) > best_width(short, 1, PLENTY, "torch") > 10


def test_packs_are_not_made_shorter_than_what_they_cost_beside(run_config):
    runs = [run_config(seed=seed, training__steps=1000) for seed in range(40)]
    whole = pack_cost_s(runs)
    for overhead in (whole / 50, whole / 10, whole):
        packs = plan(runs, 20, PLENTY, overhead).packs
        assert len(packs) == 1 or min(map(pack_cost_s, packs)) > 9 * overhead
    assert len(plan(runs, 20, PLENTY, whole / 1000).packs) == 20


def test_runs_with_the_same_activation_are_neighbours(mixed):
    for pack in plan(mixed, 2, PLENTY).packs:
        names = [run.cell.activation.name for run in pack]
        changes = sum(one != other for one, other in pairwise(names))
        assert changes == len(set(names)) - 1


def test_the_longest_packs_come_first(mixed):
    costs = [pack_cost_s(pack) for pack in plan(mixed, 3, PLENTY).packs]
    assert costs == sorted(costs, reverse=True)


def test_no_pack_is_empty_where_every_run_is_one_of_its_own(run_config):
    """Nine long runs for two workers: ten packs would be as many for each."""
    runs = [run_config(cell__hidden_size=256, training__steps=10**6, seed=seed) for seed in range(9)]
    packs = plan(runs, 2, PLENTY).packs
    assert sorted(run.seed for pack in packs for run in pack) == list(range(9)) and all(packs)


def test_what_plain_torch_computes_is_estimated_longer(run_config):
    compiled, plain = (plan([run_config()], 1, PLENTY, backend_of=lambda run, b=b: b) for b in ("compiled", "torch"))
    assert plain.estimate_s(1) > compiled.estimate_s(1)


def test_wider_networks_and_larger_batches_make_narrower_packs(run_config):
    widths = [best_width(run_config(cell__hidden_size=size), 1, PLENTY) for size in (8, 64, 512)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1] >= 2
    small, large = (run_config("digits", training__batch_size=size) for size in (8, 1000))
    assert best_width(small, 1, PLENTY) > best_width(large, 1, PLENTY)


def test_packs_fit_into_memory(run_config):
    run = run_config(cell__hidden_size=512)
    gigabytes = 5.5 * lane_bytes(run) / 1e9
    assert best_width(run, 1, PLENTY) >= 1
    for n_workers, most in ((1, 5), (2, 2), (5, 1), (50, 1)):
        assert best_width(run, n_workers, gigabytes) <= most


def test_more_steps_layers_or_lanes_cost_more(run_config):
    run = run_config()
    for more in (run_config(training__steps=50), run_config(cell__num_layers=3), run_config(cell__hidden_size=40)):
        assert pack_cost_s([more]) > pack_cost_s([run])
    assert pack_cost_s([run] * 3) > pack_cost_s([run])


def test_a_plan_of_nothing_is_empty():
    empty = plan([], 2, PLENTY)
    assert empty.n_runs == 0
    assert list(empty.packs) == []
    assert empty.estimate_s(2) == 0


def test_a_plan_is_described_with_every_run_named(mixed):
    text = plan(mixed, 2, PLENTY).describe(n_done=7, n_workers=2, folder=Path("outputs/x"))
    assert f"7 runs are done, {len(mixed)} to compute" in text
    assert "nothing was trained" in text
    assert all(run.folder in text for run in mixed)
