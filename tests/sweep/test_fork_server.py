"""The user's script runs once, however it was started, and other users of multiprocessing keep theirs."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

SWEEP = """
import rnnlab

print("the script runs")
small = {"task.n_points": 40, "task.window": 4, "task.forecast_steps": 3, "cell.hidden_size": 4}
small |= {"training.steps": 2, "training.batch_size": 8}
results = rnnlab.sweep(seeds=3, study="mine", n_workers=2, report=False, **small)
print(sorted(results.runs["seed"]), results.problems)
"""
GUARDED = "def main():" + SWEEP.replace("\n", "\n    ") + "\n\nif __name__ == '__main__':\n    main()\n"
ENDED = ["[0, 1, 2] ()"]

OTHERS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

print("the script is imported as", __name__)

def double(x):
    return 2 * x

def others():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        return pool.submit(double, 21).result()

if __name__ == "__main__":
    print(others())
    from rnnlab.sweep import server
    with ProcessPoolExecutor(1, mp_context=server.context()) as pool:
        print(pool.submit(abs, -1).result())
    print(others())
"""

BUMP = """
import torch
from rnnlab.nets.activations import Activation, register

@register("bump")
class Bump(Activation):
    range, largest_slope, slope_at_0, source = (0.0, 1.0), 0.8577638849607068, 0.0, "mine"

    def phi(self, a):
        return torch.exp(-a.square())

    def slope(self, a):
        return -2 * a * self.phi(a)
"""
SWEEP_OF_BUMP = SWEEP.replace("seeds=3", "seeds=3, cell={'activation': 'bump'}")
CAUGHT = "\ntry:" + SWEEP_OF_BUMP.replace("\n", "\n    ") + "\nexcept Exception as error:\n    print(error)\n"

IMPORTED_AGAIN = """
import multiprocessing

import rnnlab

if __name__ != "__main__":
    try:
        rnnlab.sweep("activations")
    except rnnlab.ConfigError as error:
        print(error)
else:
    process = multiprocessing.get_context("spawn").Process(target=print, args=["done"])
    process.start()
    process.join()
"""


def python(*arguments, folder, text=None):
    """What a Python says that runs in the folder, line by line."""
    command = [sys.executable, "-W", "error", *arguments]
    ended = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


STARTS_A_SERVER = """
import os
import sys

from rnnlab.sweep import server

server.start()
if sys.argv[1] == "ready":
    server.context().Process().start()
print(*os.listdir(os.environ["TMPDIR"]), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def short_folder():
    """tmp_path may be too long for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
@pytest.mark.parametrize("state", ["importing", "ready"])
def test_a_server_whose_command_is_killed_ends_and_takes_its_socket_with_it(short_folder, state):
    command = [sys.executable, "-c", STARTS_A_SERVER, state]
    environment = {**os.environ, "TMPDIR": str(short_folder)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, "")
    assert ended.stdout.startswith("pymp-")
    while any(os.fsencode(short_folder) in environ for environ in environments()):
        time.sleep(0.05)
    assert not list(short_folder.iterdir())


def environments():
    """Of all processes that live."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            yield path.read_bytes()


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("way", "script"),
    [
        pytest.param("file", SWEEP, id="file without a guard"),
        pytest.param("module", GUARDED, id="module with a guard"),
        pytest.param("stdin", SWEEP, id="stdin without a guard"),
        pytest.param("-c", SWEEP, id="-c without a guard", marks=slow),
        pytest.param("file", GUARDED, id="file with a guard", marks=slow),
        pytest.param("module", SWEEP, id="module without a guard", marks=slow),
        pytest.param("stdin", GUARDED, id="stdin with a guard", marks=slow),
        pytest.param("-c", GUARDED, id="-c with a guard", marks=slow),
    ],
)
def test_a_script_runs_once_and_all_runs_are_trained(script, way, tmp_path):
    (tmp_path / "script.py").write_text(script)
    ways = {"file": ["script.py"], "module": ["-m", "script"], "stdin": ["-"], "-c": ["-c", script]}
    said = python(*ways[way], folder=tmp_path, text=script if way == "stdin" else None)
    assert said.count("the script runs") == 1
    assert said[-1:] == ENDED
    assert len(list(tmp_path.glob("outputs/mine/*/run.json"))) == 3


def test_processes_that_somebody_else_makes_by_multiprocessing_stay_as_they_are(tmp_path):
    (tmp_path / "script.py").write_text(OTHERS)
    said = python("script.py", folder=tmp_path)
    assert [line for line in said if not line.startswith("the script")] == ["42", "1", "42"]
    assert said.count("the script is imported as __mp_main__") == 2, "once by each pool of the script's own"


def test_a_sweep_in_a_script_that_is_imported_by_its_own_worker_is_refused_in_one_line(tmp_path):
    (tmp_path / "script.py").write_text(IMPORTED_AGAIN)
    refusal, last = python("script.py", folder=tmp_path)
    assert "must stand under `if __name__ ==" in refusal
    assert last == "done"
    assert not (tmp_path / "outputs").exists()


def test_what_is_defined_in_a_file_beside_the_script_is_known_to_workers(tmp_path):
    (tmp_path / "mine.py").write_text(BUMP)
    (tmp_path / "script.py").write_text("import mine\n" + SWEEP_OF_BUMP)
    assert python("script.py", folder=tmp_path)[-1:] == ENDED
    found = {run.parent.name: json.loads(run.read_text())["config"]["code"] for run in tmp_path.glob("*/*/*/run.json")}
    assert len(found) == 3 and all(code.keys() == {"numerics", "mine"} for code in found.values())


def test_what_is_defined_in_the_script_itself_is_refused_in_one_line(tmp_path):
    (tmp_path / "script.py").write_text(BUMP + CAUGHT)
    said = python("script.py", folder=tmp_path)
    assert said[-1].startswith("plugins: what stands in the script or notebook itself cannot be used; ")
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_a_folder_for_temporary_files_that_is_too_long_for_a_socket_is_not_used_for_one(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    (tmp_path / "script.py").write_text(SWEEP)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(long)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == ENDED[0]
    assert not list(long.iterdir())
