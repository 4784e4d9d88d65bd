"""The local engine's worker processes, real ones."""

import os
import signal
from contextlib import closing

import pytest

from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Pack
from rnnlab.sweep.engines.local import LocalEngine
from rnnlab.sweep.jobs import finish
from rnnlab.training.loop import train


@pytest.fixture
def engine():
    engine = LocalEngine(2, memory_gb=4.0)
    yield engine
    engine.close()


def test_a_pack_comes_back_as_it_would_be_computed_here(engine, run_config, tmp_path):
    runs = [run_config(seed=seed) for seed in range(3)]
    engine.submit(Pack(runs, "cpu", tmp_path, 60.0))
    (event,) = engine.wait(None)
    assert isinstance(event, Done)
    assert event.provenance["pack_width"] == 3
    assert event.provenance["pid"] != os.getpid()
    assert list(event.runs) == [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]


def test_a_killed_worker_costs_its_own_pack_only(engine, run_config, tmp_path):
    long = Pack([run_config(training__steps=10**6, training__eval_every=10**6)], "cpu", tmp_path, 60.0)
    short = Pack([run_config()], "cpu", tmp_path, 60.0)
    engine.submit(long)
    engine.submit(short)
    assert engine.n_free == 0
    (event,) = engine.wait(None)
    assert event.pack is short
    (worker,) = [p for c, p in engine._processes.items() if c in engine._packs]
    os.kill(worker.pid, signal.SIGKILL)
    (event,) = engine.wait(None)
    assert event == Died(long)
    engine.submit(short)
    assert isinstance(engine.wait(None)[0], Done)


def test_a_worker_that_dies_while_idle_is_replaced(engine, run_config, tmp_path):
    pack = Pack([run_config()], "cpu", tmp_path, 60.0)
    engine.submit(pack)
    engine.wait(None)
    (worker,) = engine._processes.values()
    worker.kill()
    worker.join()
    engine.submit(pack)
    assert engine.wait(None) == [Died(pack)]  # whoever asked tries again, and finds a new worker
    engine.submit(pack)
    assert isinstance(engine.wait(None)[0], Done)


def test_no_worker_is_left_when_the_engine_is_closed(run_config, tmp_path):
    engine = LocalEngine(2, memory_gb=4.0)
    for _ in range(2):
        engine.submit(Pack([run_config(training__steps=10**6)], "cpu", tmp_path, 60.0))
    processes = list(engine._processes.values())
    engine.close()
    assert [process.is_alive() for process in processes] == [False, False]


def kill_the_server():
    from multiprocessing import forkserver

    server.start()
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)


def test_a_server_that_is_killed_is_started_again(engine, run_config, tmp_path):
    pack = Pack([run_config()], "cpu", tmp_path, 60.0)
    engine.submit(pack)
    kill_the_server()
    assert isinstance(engine.wait(None)[0], Done)  # the worker lives on
    kill_the_server()
    engine.submit(pack)
    engine.submit(pack)
    assert len(engine._processes) == 2
    assert {type(event) for _ in range(2) for event in engine.wait(5)} == {Done}


def test_a_worker_that_cannot_be_started_is_one_clear_error(engine, run_config, tmp_path, monkeypatch):
    def start(process):
        raise EOFError

    monkeypatch.setattr(engine._context.Process, "start", start)
    with pytest.raises(EngineError, match="no worker process can be started"):
        engine.submit(Pack([run_config()], "cpu", tmp_path, 60.0))


def test_workers_do_not_see_control_c(engine, run_config, tmp_path):
    engine.submit(Pack([run_config(training__steps=10**6)], "cpu", tmp_path, 60.0))
    (worker,) = engine._processes.values()
    for _ in range(20):  # from its first moment on
        os.kill(worker.pid, signal.SIGINT)
        assert engine.wait(0.01) == []
    assert worker.is_alive()


def test_workers_take_the_gpus_in_turns(run_config, tmp_path):
    """Which GPU a worker sees is settled by its environment, before it has asked for one."""
    with closing(LocalEngine(3, memory_gb=4.0, gpus=["4", "7"])) as engine:
        for _ in range(3):
            engine.submit(Pack([run_config()], "cpu", tmp_path, 60.0))
        events = []
        while len(events) < 3:
            events += engine.wait(None)
    assert sorted(event.provenance["cuda_visible_devices"] for event in events) == ["4", "4", "7"]


def test_waiting_gives_up_after_its_time(engine, run_config, tmp_path):
    engine.submit(Pack([run_config(training__steps=10**6)], "cpu", tmp_path, 60.0))
    assert engine.wait(0.01) == []
    assert engine.n_free == 1
