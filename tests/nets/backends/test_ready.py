"""Kernels are compiled once per machine, for one kind of arguments."""

import os
import subprocess
import sys

import pytest
from numba import typeof

from rnnlab.nets.backends import compiled, ready
from rnnlab.nets.kernels.place import fingerprint
from rnnlab.training.loop import train

ENTRIES = ("train", "evaluate", "closed_loop", "exponents")
RUNS = {
    "sines": {"training__batch_size": 5, "cell__num_layers": 2, "cell__dropout": 0.1},
    "text": {"training__batch_size": 5, "cell__embedding_size": 3},
    "charseq": {},
    "adding": {"training__fresh": True, "training__batch_size": 5, "training__gradient_noise": 0.1},
    "images": {"cell__num_layers": 0, "readout__dropout": 0.1},
    "digits": {"training__batch_size": 1, "cell__hidden_size": 1},
}


def test_no_run_makes_numba_compile_an_entry_point_again(run_config, monkeypatch):
    """All call them with arguments of the kinds they have when the kernels are made ready."""
    seen = {name: set() for name in ENTRIES}

    def watched(name):
        called = getattr(compiled, name)

        def watching(*arguments):
            seen[name].add(tuple(map(typeof, arguments)))
            called(*arguments)

        return watching

    for name in ENTRIES:
        monkeypatch.setattr(compiled, name, watched(name))
    ready.call_all()
    for task, values in RUNS.items():
        for n_lanes in (1, 2):
            train([run_config(task, seed=seed, **values) for seed in range(n_lanes)])
    assert {name: len(kinds) for name, kinds in seen.items()} == dict.fromkeys(ENTRIES, 1)


LOADING = """
import sys
from types import SimpleNamespace
for name in ("backends.compiled", "kernels.library"):  # nothing is to be compiled here, or loaded
    sys.modules[f"rnnlab.nets.{name}"] = SimpleNamespace(load=lambda: None)
from rnnlab.nets.backends import ready
sys.executable = sys.argv[1]
ready.call_all = lambda: None
ready.load()
"""
COMPILER = """#!/bin/sh
echo "$@" >> {folder}/calls
sleep 0.3
[ ! -e {folder}/broken ] || {{ echo "OSError: 5" >&2; exit 1; }}
"""


@pytest.fixture
def start(tmp_path):
    """start(): a process that loads kernels from an empty folder.  Its compiler only writes down its arguments."""
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER.format(folder=tmp_path))
    compiler.chmod(0o755)
    environment = {**os.environ, "RNNLAB_CACHE": str(tmp_path / "cache")}

    def start():
        command = [sys.executable, "-c", LOADING, str(compiler)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.skipif(os.name != "posix", reason="the compiler here is a shell script")
def test_of_two_processes_at_once_on_a_cold_cache_one_compiles_and_both_go_on(start, tmp_path):
    processes = [start(), start()]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len((tmp_path / "calls").read_text().splitlines()) == 2, "the kernels and the entry points, by one of them"
    assert sorted("compiling the kernels for this machine, once" in text for text in said) == [False, True]
    assert (tmp_path / "cache" / f"kernels-{fingerprint()}" / ready.READY).exists()
    third = start()
    assert third.communicate()[1] == ""
    assert third.returncode == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 2, "from the cache afterwards"


@pytest.mark.skipif(os.name != "posix", reason="the compiler here is a shell script")
def test_a_compiler_that_fails_is_an_error_with_its_reason_and_leaves_nothing_ready(start, tmp_path):
    (tmp_path / "broken").touch()
    process = start()
    *_, reason = process.communicate()[1].splitlines()
    assert process.returncode == 1
    assert reason.startswith("RuntimeError: OSError: 5")
    assert not (tmp_path / "cache" / f"kernels-{fingerprint()}" / ready.READY).exists()
