"""The local engine's worker processes, real ones."""

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing.process import BaseProcess

import pytest

from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Pack
from rnnlab.sweep.engines import local
from rnnlab.sweep.engines.local import LocalEngine
from rnnlab.sweep.finished import finish
from rnnlab.training.loop import train


def in_a_worker(function, *arguments):
    """What a function returns in a process that the server has forked."""
    with ProcessPoolExecutor(1, mp_context=server.context()) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture
def workers():
    """workers(): the worker processes that this test has started and that run."""
    before = set(multiprocessing.active_children())
    return lambda: list(set(multiprocessing.active_children()) - before)


@pytest.fixture
def engine():
    engine = LocalEngine(2, memory_gb=4.0)
    yield engine
    engine.close()


def test_a_pack_comes_back_as_it_would_be_computed_here(engine, run_config):
    runs = [run_config(seed=seed) for seed in range(3)]
    engine.submit(Pack(runs, "cpu"))
    (event,) = engine.wait(None)
    assert isinstance(event, Done)
    assert event.provenance["pack_width"] == 3
    assert event.provenance["pid"] != os.getpid()
    assert list(event.runs) == [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]


def test_a_killed_worker_costs_its_own_pack_only(engine, workers, run_config):
    long = Pack([run_config(training__steps=10**6, training__eval_every=10**6)], "cpu")
    short = Pack([run_config()], "cpu")
    engine.submit(long)
    (busy,) = workers()
    engine.submit(short)
    assert engine.n_free == 0
    (event,) = engine.wait(None)
    assert event.pack is short
    busy.kill()
    (event,) = engine.wait(None)
    assert event == Died(long)
    engine.submit(short)
    assert isinstance(engine.wait(None)[0], Done)


def test_a_worker_that_dies_while_idle_is_replaced(engine, workers, run_config):
    pack = Pack([run_config()], "cpu")
    engine.submit(pack)
    engine.wait(None)
    (worker,) = workers()
    worker.kill()
    worker.join()
    engine.submit(pack)
    assert engine.wait(None) == [Died(pack)]  # whoever asked tries again, and finds a new worker
    engine.submit(pack)
    assert isinstance(engine.wait(None)[0], Done)


def test_no_worker_is_left_when_the_engine_is_closed(workers, run_config):
    engine = LocalEngine(2, memory_gb=4.0)
    for _ in range(2):
        engine.submit(Pack([run_config(training__steps=10**6)], "cpu"))
    processes = workers()
    assert len(processes) == 2
    engine.close()
    assert [process.is_alive() for process in processes] == [False, False]


def kill_the_server():
    pid = in_a_worker(os.getppid)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_server_that_is_killed_is_started_again(engine, run_config):
    pack = Pack([run_config()], "cpu")
    engine.submit(pack)
    (first,) = engine.wait(None)
    kill_the_server()
    engine.submit(pack)  # to the first worker, which lives on
    engine.submit(pack)
    events = []
    while len(events) < 2:
        events += engine.wait(None)
    assert [type(event) for event in events] == [Done, Done]
    pids = {event.provenance["pid"] for event in events}
    assert len(pids - {first.provenance["pid"]}) == 1, "one worker is the first, the other one a new one"


def test_a_worker_that_cannot_be_started_is_one_clear_error(engine, run_config, monkeypatch):
    def start(process):
        raise EOFError

    monkeypatch.setattr(BaseProcess, "start", start)
    monkeypatch.setattr(local, "START_PAUSES_S", (0.0,))
    with pytest.raises(EngineError, match="no worker process can be started"):
        engine.submit(Pack([run_config()], "cpu"))


BROKEN = """
import importlib.abc
import os
import sys

if "multiprocessing.forkserver" in " ".join(sys.orig_argv):  # the server of the workers, and they themselves

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "rnnlab.sweep.worker":
                {breaks}
                raise ImportError("in the server")

    SERVER = os.getpid()
    sys.meta_path.insert(0, Finder())
"""
BREAKS = {
    "raise ImportError('libgomp.so.1: cannot open')": (
        "rnnlab: a worker process cannot compute: ImportError: libgomp.so.1: cannot open ("
    ),
    "raise SystemExit('not here')": "rnnlab: a worker process cannot compute: SystemExit: not here (",
    "if os.getpid() != SERVER: print('a library', 'gives up', sep='\\n', file=sys.stderr, flush=True), os.abort()": (
        "rnnlab: worker processes end before they are ready (signal 6, Aborted): a library | gives up"
    ),
}
SWEEP = [
    "-m",
    "study=s",
    "task.n_points=40",
    "task.window=4",
    "task.forecast_steps=3",
    "training.steps=2",
    "training.batch_size=8",
    "seed=0,1",
]


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(breaks, id=name, marks=pytest.mark.slow if name == "SystemExit" else ())
        for name, breaks in zip(("ImportError", "SystemExit", "abort"), BREAKS, strict=True)
    ],
)
def test_workers_that_cannot_import_what_they_need_are_one_error_in_their_words_and_no_run_has_failed(tmp_path, breaks):
    (tmp_path / "sitecustomize.py").write_text(BROKEN.format(breaks=breaks))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-m", "rnnlab", *SWEEP, "hydra.launcher.report=false"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    (line,) = ended.stderr.splitlines()
    assert line.startswith(BREAKS[breaks])
    assert ended.returncode == 1
    assert not list(tmp_path.glob("outputs/s/*/run.json"))


class AnotherVersion:
    """Pickled here, it cannot be unpickled in a worker: as a plugin of which another version is there."""

    def __reduce__(self):
        return exec, ("from rnnlab.options import ConfigError\nraise ConfigError('x: is another version')",)


def test_what_a_worker_cannot_unpickle_is_an_error_of_the_engine(engine, run_config):
    engine.submit(Pack([run_config()], "cpu", beside={"x": AnotherVersion()}))
    with pytest.raises(EngineError, match="a worker process cannot compute: x: is another version"):
        engine.wait(None)


def test_workers_that_are_killed_before_they_are_ready_are_started_again_a_few_times(engine, workers, run_config):
    pack = Pack([run_config()], "cpu")
    engine.submit(pack)
    for _ in range(local.MOST_STILLBORN - 1):
        (worker,) = workers()
        os.kill(worker.pid, signal.SIGSTOP)  # before it can say that it is ready
        worker.kill()
        worker.join()
        engine.wait(0.0)
    (event,) = engine.wait(None)
    assert isinstance(event, Done) and event.pack is pack


def test_how_a_worker_has_died_is_told(engine, workers, run_config):
    engine.submit(Pack([run_config(training__steps=10**6)], "cpu"))
    assert engine.wait(2.0) == []  # it is ready now, and computes
    (worker,) = workers()
    worker.kill()
    (event,) = engine.wait(None)
    assert event.how == "signal 9, Killed"


def test_workers_do_not_see_control_c(engine, workers, run_config):
    engine.submit(Pack([run_config(training__steps=10**6)], "cpu"))
    (worker,) = workers()
    for _ in range(20):  # from its first moment on
        os.kill(worker.pid, signal.SIGINT)
        assert engine.wait(0.01) == []
    assert worker.is_alive()


def test_control_c_is_blocked_in_workers_also_when_multiprocessing_itself_starts_the_server_again():
    server.start()
    os.waitid(os.P_PID, kill_the_server(), os.WEXITED | os.WNOWAIT)
    assert signal.SIGINT in in_a_worker(signal.pthread_sigmask, signal.SIG_BLOCK, [])
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []), "and not here"


CLOSED_WHILE_A_WORKER_SENDS = """
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from rnnlab.config.parse import from_node
from rnnlab.sweep import server
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.engines.local import LocalEngine

# n_points: how much the worker sends, more than any pipe holds, or so little that it waits for the next pack already
run = from_node(
    {
        "task": {"name": "sines", "n_points": int(sys.argv[1]), "forecast_steps": 0},
        "cell": {"name": "rnn", "hidden_size": 2},
        "optimizer": {"name": "adam"},
        "training": {"steps": 0},
    }
)


receive = Connection.recv


def receive_no_result(connection):
    # The first message says that the worker is ready, the second one is the result.
    Connection.recv = interrupted
    return receive(connection)


def interrupted(connection):
    raise KeyboardInterrupt


def close_while_a_worker_sends(server_dies):
    engine = LocalEngine(1, memory_gb=4.0)
    engine.submit(Pack([run], "cpu"))
    Connection.recv = receive_no_result
    try:
        engine.wait(None)  # until the first part of the result has arrived
    except KeyboardInterrupt:
        Connection.recv = receive
    if server_dies:
        with ProcessPoolExecutor(1, mp_context=server.context()) as pool:
            pid = pool.submit(os.getppid).result()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not multiprocessing.active_children()  # so it looks: multiprocessing will not kill the worker
    engine.close()


kill = BaseProcess.kill
BaseProcess.kill = lambda process: (time.sleep(0.3), kill(process))  # time enough for a worker to complain
close_while_a_worker_sends(server_dies=False)
close_while_a_worker_sends(server_dies=True)
time.sleep(0.3)
"""


@pytest.mark.parametrize("n_points", ["20000", pytest.param("200", marks=pytest.mark.slow)])
def test_a_worker_that_is_ended_while_it_sends_says_nothing(n_points):
    command = [sys.executable, "-c", CLOSED_WHILE_A_WORKER_SENDS, n_points]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_workers_take_the_gpus_in_turns(run_config):
    """Which GPU a worker sees is settled by its environment, before it has asked for one."""
    with closing(LocalEngine(3, memory_gb=4.0, gpus=["4", "7"])) as engine:
        for _ in range(3):
            engine.submit(Pack([run_config()], "cpu"))
        events = []
        while len(events) < 3:
            events += engine.wait(None)
    assert sorted(event.provenance["cuda_visible_devices"] for event in events) == ["4", "4", "7"]


def test_waiting_gives_up_after_its_time(engine, run_config):
    engine.submit(Pack([run_config(training__steps=10**6)], "cpu"))
    assert engine.wait(0.01) == []
    assert engine.n_free == 1
