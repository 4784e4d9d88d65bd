"""A small part of benchmarks/kill.py: a sweep that is killed 25 times.  Whenever a kill hits, nothing is lost."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATIENCE_S = 120.0  # a machine that has much else to do is slow to end processes, too


def load():
    place = Path(__file__).parents[2] / "benchmarks" / "kill.py"
    spec = importlib.util.spec_from_file_location("kill", place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of a command in /proc")
@pytest.mark.slow  # tests/hydra_plugins/test_launcher.py has a sweep that is interrupted, and one with broken records
def test_a_sweep_that_is_killed_25_times_loses_nothing_changes_no_byte_and_leaves_nothing_behind(tmp_path):
    kill = load()
    small = ["seed=range(4)", "training.steps=300"]
    overrides = [word for word in kill.WAYS["compiled"] if word.partition("=")[0] not in ("seed", "training.steps")]
    figures = kill.compare(tmp_path, [*overrides, *small], kills=25, seed=16, patience_s=PATIENCE_S)
    assert figures.damage == []
    assert figures.kills.total() >= 25
