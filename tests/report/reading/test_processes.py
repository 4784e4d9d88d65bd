"""Pieces of work in several processes.  They are not forked where torch is imported, so some tests have their own."""

import os
import subprocess
import sys

import pytest

from rnnlab.report.reading import processes
from rnnlab.report.reading.processes import shared_out

ALONE = """
import os, sys
from functools import partial
from rnnlab.report.reading.processes import shared_out
os.sched_getaffinity = lambda who: {{0, 1, 2}}
{}
"""


def alone(code):
    """What a process of its own prints that has three processors."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", ALONE.format(code)], capture_output=True, text=True)
    return done.stdout.split(), done.stderr


def test_results_are_in_the_order_of_their_pieces_whoever_has_done_them():
    code = "print(*shared_out([partial(pow, n, 2) for n in range(50)]))"
    assert alone(code) == ([str(n**2) for n in range(50)], "")


def test_several_processes_take_part():
    code = "import time; print(len(set(shared_out([lambda: (time.sleep(0.05), os.getpid())[1]] * 30))))"
    assert alone(code) == (["3"], "")


def test_what_a_piece_raises_is_raised_here():
    out, error = alone("shared_out([partial(divmod, 1, n - 5) for n in range(10)])")
    assert out == [] and error.splitlines()[-1].startswith("ZeroDivisionError")


def test_a_copy_that_is_killed_loses_nothing():
    piece = "lambda n=n: os.getpid() == me and n or os._exit(9)"
    code = f"me = os.getpid(); print(*shared_out([{piece} for n in range(1, 9)]))"
    assert alone(code) == (list("12345678"), "")


def test_copies_end_with_the_process_that_is_killed():
    reading, writing = os.pipe()
    piece = f"lambda: (os.write({writing}, b'.'), time.sleep(20), os.write({writing}, b'!'))"
    code = ALONE.format(f"import time; shared_out([{piece}] * 3)")
    with subprocess.Popen([sys.executable, "-c", code], pass_fds=[writing]) as process:
        os.close(writing)
        at_work = b""
        while len(at_work) < 3:
            at_work += os.read(reading, 3)
        process.kill()
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"", "at its end when all copies have ended"


def test_beside_other_threads_one_process_does_everything(monkeypatch):
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda how: pytest.fail("must not fork"))
    assert shared_out([lambda: 1, lambda: 2]) == [1, 2]


def test_a_report_has_the_same_bytes_from_one_process_and_from_several(build, tmp_path):
    records = [build.record(task, seed=seed) for task in ("sines", "digits") for seed in range(3)]
    made = {}
    for n in (1, 3):
        folder = build.runs(tmp_path / f"by{n}" / "study", records)
        write = f"from pathlib import Path; write_report(Path({str(folder)!r}))"
        code = f"os.sched_getaffinity = lambda who: set(range({n})); from rnnlab.report import write_report; {write}"
        assert alone(code) == ([], "")
        paths = [path for path in (folder / "report").rglob("*") if path.is_file() and path.name != ".made-from"]
        made[n] = {path.name: path.read_bytes() for path in paths}
    assert made[1] == made[3] and "scores.png" in made[1]
