"""How much is done and how long the rest takes, by an arithmetic that is done by hand here."""

import pytest

from rnnlab.records.progress import PackProgress, RunProgress
from rnnlab.sweep.reckoning import Reckoning, duration, running_in_words


def pack(steps, *runs, **options):
    return PackProgress(steps, tuple(RunProgress(run_id, run_id, step, **options) for run_id, step in runs))


def test_the_rest_takes_as_long_as_its_share_at_the_speed_of_the_steps_so_far():
    reckoning = Reckoning({"a": 1.0, "b": 1.0, "c": 2.0}, now=0.0)
    reckoning.see([pack(100, ("a", 0), ("b", 0))], now=50.0)  # the workers took 50 s to start
    reckoning.see([pack(100, ("a", 50), ("b", 50))], now=60.0)
    assert reckoning.share == pytest.approx(1 / 4)
    assert reckoning.left_s(60.0) == pytest.approx(30.0)  # a quarter in 10 s


def test_steps_before_a_checkpoint_tell_nothing_about_the_speed():
    reckoning = Reckoning({"a": 1.0}, now=0.0)
    reckoning.see([pack(100, ("a", 80), begun=80)], now=10.0)
    reckoning.see([pack(100, ("a", 90), begun=80)], now=20.0)
    assert reckoning.left_s(20.0) == pytest.approx(10.0)  # ten steps in 10 s, ten are left


def test_steps_of_jobs_that_were_running_before_this_command_tell_nothing_either():
    reckoning = Reckoning({"a": 1.0, "b": 1.0}, now=0.0)
    reckoning.see([pack(100, ("a", 50))], now=0.0)
    reckoning.see([pack(100, ("a", 60)), pack(100, ("b", 10))], now=10.0)
    assert reckoning.left_s(10.0) == pytest.approx(65.0)  # 20 steps in 10 s, 130 are left


def test_runs_that_end_before_anybody_looks_count_whole():
    reckoning = Reckoning({"a": 1.0, "b": 3.0}, now=0.0)
    reckoning.finish("a")
    assert reckoning.share == pytest.approx(0.25)
    assert reckoning.left_s(5.0) == pytest.approx(15.0)


def test_nobody_knows_at_the_beginning():
    reckoning = Reckoning({"a": 1.0}, now=0.0)
    assert reckoning.left_s(100.0) is None
    reckoning.see([pack(100, ("a", 1))], now=100.0)
    reckoning.see([pack(100, ("a", 2))], now=100.1)
    assert reckoning.left_s(100.1) is None, "a tenth of a second tells nothing"


def test_a_run_that_has_diverged_has_no_steps_left():
    reckoning = Reckoning({"a": 1.0, "b": 1.0}, now=0.0)
    reckoning.see([pack(100, ("a", 3), live=False), pack(100, ("b", 0))], now=0.0)
    assert reckoning.share == pytest.approx(0.5)


def test_packs_of_others_and_runs_without_steps_do_no_harm():
    reckoning = Reckoning({"a": 1.0}, now=0.0)
    reckoning.see([pack(100, ("of another study", 50)), pack(0, ("a", 0))], now=1.0)
    assert reckoning.share == 0.0


@pytest.mark.parametrize(
    ("packs", "words"),
    [
        ([], ""),
        ([pack(10_000, ("a", 3400), ("b", 3400))], "2 running at step 3,400 of 10,000"),
        ([pack(9, ("a", 3)), pack(9, ("b", 5))], "2 running at steps 3 to 5 of 9"),
        ([pack(10, ("a", 5)), pack(100, ("b", 20))], "2 running with 20% to 50% of their steps done"),
        ([pack(10, ("a", 5)), pack(100, ("b", 50))], "2 running with 50% of their steps done"),
        ([pack(10, ("a", 5), live=False)], ""),
    ],
)
def test_what_is_running_is_said_with_its_steps(packs, words):
    assert running_in_words(packs) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (130.0, "2 min 10 s"), (3599.0, "59 min 59 s")),
        *((3600.0, "1 h"), (11_100.0, "3 h 5 min"), (86_400.0, "1 d"), (187_200.0, "2 d 4 h")),
    ],
)
def test_a_duration_in_words(seconds, words):
    assert duration(seconds) == words
