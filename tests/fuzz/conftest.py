"""What holds of every command, whatever it is given: an answer in one line and exit code 2, or a right result.

In the suite the examples are always the same, and few.  `make fuzz` runs others for ten minutes: RNNLAB_FUZZ=random.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
from dataclasses import dataclass

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from hypothesis import HealthCheck, settings

from rnnlab import app
from rnnlab.hydra import runs as hydra_runs
from rnnlab.options import LONGEST_LINE

LONGEST_S = 10  # processor seconds of one command
MOST_BYTES = 2e9  # by which the largest memory of this process may grow in one command

shared = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("suite", derandomize=True, max_examples=5, **shared)
settings.register_profile("random", derandomize=False, max_examples=100, print_blob=True, **shared)
settings.load_profile(os.environ.get("RNNLAB_FUZZ", "suite"))


class TooLongError(BaseException):
    """A command has not come to its end."""


@dataclass(frozen=True)
class Answer:
    """code: the exit code.  lines: on stderr.  runs: those that would be trained."""

    code: int
    lines: list[str]
    runs: list


def _give_up(*_):
    raise TooLongError


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """answer("-m", "seed=1,2") -> Answer: the command in this process, up to the moment when it would train."""
    before, here = VersionBase.instance().getbase(), os.getcwd()
    argv, compute, handler = sys.argv, hydra_runs.sweep, signal.signal(signal.SIGPROF, _give_up)
    asked = []

    def instead(runs, *_, **__):
        asked.extend(runs)
        return {}

    def command(*words):
        GlobalHydra.instance().clear()
        asked.clear()
        sys.argv = ["rnnlab", *words]
        out, err = io.StringIO(), io.StringIO()
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
            try:
                code = app.run()
            except SystemExit as stop:  # of --info and the like
                code = stop.code or 0
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - largest)
        found = Answer(code, err.getvalue().splitlines(), list(asked))
        assert grown < MOST_BYTES, f"{words}: {grown / 1e9:.1f} GB"
        assert code in (0, 2), f"{words}: {found}"
        for line in found.lines:
            assert line.startswith("rnnlab: "), f"{words}: {line}"
            assert len(line) <= LONGEST_LINE + len("rnnlab: "), f"{words}: {len(line)} letters"
        if code == 2:
            assert len(found.lines) == 1, f"{words}: {found.lines}"
            assert not found.runs
        return found

    hydra_runs.sweep = instead
    os.chdir(tmp_path_factory.mktemp("fuzz"))
    yield command
    os.chdir(here)
    hydra_runs.sweep, sys.argv = compute, argv
    signal.signal(signal.SIGPROF, handler)
    GlobalHydra.instance().clear()
    VersionBase.instance().version_base = before
