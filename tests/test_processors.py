"""Everything has the same bits when a process is told that it runs on another processor: runs from their configs to the
text of their records, and what is computed outside the kernels, each by itself.

Another process runs this file as a program: it prints the digests, which the test computes, too.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from rnnlab import portable
from rnnlab.config.parse import from_node
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.initializers import INITIALIZERS, Fan, draw
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.optimizers.adam import Adam
from rnnlab.nets.schedules import SCHEDULES, rate_factor
from rnnlab.sweep.finished import finish
from rnnlab.tasks import TASKS
from rnnlab.training.construction import backend_of
from rnnlab.training.dynamics import stretches
from rnnlab.training.loop import train

# numpy's names for what it found beyond the instructions that it always uses, from the oldest to the newest
FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
WIDEST = [name for name in FOUND if "512" in name or name == "X86_V4"]
PROCESSORS = {
    "without vectors of 512 bits": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(WIDEST),
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F",
    },
    "without AVX and FMA": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(FOUND),
        "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
    },
}
HASWELL = PROCESSORS["without vectors of 512 bits"] | {"NUMBA_CPU_NAME": "haswell", "MKL_CBWR": "COMPATIBLE"}
SWEPT = ("tanh", "sigmoid", "relu", "leaky_relu")
CELLS = {  # hidden sizes that are multiples of nothing
    "rnn": {"name": "rnn", "hidden_size": 5},
    "lstm": {"name": "lstm", "hidden_size": 9},
    "gru": {"name": "gru", "hidden_size": 12},
    "stacked": {"name": "rnn", "hidden_size": 7, "num_layers": 2},
}
SMALL_TASKS = {
    "sines": {"n_points": 60, "stop": 8.0, "window": 6, "forecast_steps": 7},
    "digits": {},
    "adding": {"length": 9, "n_train": 40, "n_eval": 12, "n_test": 12},
    "charseq": {},
}
SHAPES = [(1, 1), (1, 40), (7, 5), (5, 7), (50, 50), (100, 100)]
TASK_OPTIONS = {
    "sines": [{}, {"noise": 0.1, "start": -3e5, "stop": 5e6}],
    "sinc": [{}, {"noise": 0.1}],
    "series": [{}, {"scaling": "standard"}],
    "text": [{"n_tokens": 20_000}, {"n_tokens": 20_000, "unit": "words"}],
    "rows": [{"n_train_images": 100}],
    "pixels": [{"n_train_images": 100, "permuted": True}],
}
SMALL = {"n_train": 200, "n_eval": 50, "n_test": 60}  # of the tasks that generate
SCHEDULE_OPTIONS = {"step": {"step_every": 3, "step_factor": 0.7}}


class Answers:
    """A network that answers with random numbers."""

    def __init__(self, task):
        self.task, self.generator = task, np.random.default_rng(0)

    def outputs(self, inputs):
        steps = inputs[0].shape[1:2] if self.task.answers == "every" else ()
        return self.generator.random((len(inputs), len(inputs[0]), *steps, self.task.output_size), np.float32)

    def closed_loop(self, windows, steps):
        return self.generator.random((len(windows), steps, self.task.output_size), np.float32)


def of_functions():
    x = np.random.default_rng(0).uniform(-700, 700, 20_000)
    for function in (portable.exp, portable.sin, portable.cos):
        yield function.__name__, function(x)
        yield function.__name__, np.array([function(value) for value in x[:200].tolist()])
    yield "log", portable.log(np.abs(x))
    yield "power", np.array([portable.power(0.999, n) for n in range(3000)])
    yield "product", portable.product(x[:8000].reshape(80, 100), x[8000:18_000].reshape(100, 100))


def of_initializers():
    for name, initializer in INITIALIZERS.items():
        for shape in SHAPES:
            if shape[0] == shape[1] or initializer.roles != ("recurrent",):
                fan = Fan(*shape, hidden_size=shape[1], gates=("input", "forget"), seq_len=30)
                yield f"{name} {shape}", draw(name, np.random.default_rng(1), fan)


def of_schedules():
    for name, make in SCHEDULES.items():
        schedule = make(**SCHEDULE_OPTIONS.get(name, {}))
        yield name, np.array([rate_factor(schedule, 7, t, 1000) for t in range(1, 1001)])


def of_adam():
    """Updates in float64, whose factors follow from the number of the step."""
    for beta in (0.9, 0.999):
        options = Adam.Options(beta1=beta, beta2=beta, schedule=SCHEDULES["cosine"]())
        adam = Adam([options], torch.zeros(1, 1, dtype=torch.float64), n_steps=300)
        updates = [adam.update(torch.ones(1, 1, dtype=torch.float64)).item() for _ in range(300)]
        yield f"adam {beta}", np.array(updates)


def of_tasks():
    for name, make in TASKS.items():
        for n, options in enumerate(TASK_OPTIONS.get(name, [SMALL if make.generates else {}])):
            task = replace(make(), **options)
            data = task.data(5)
            for part in (data.train, data.eval, data.test):
                yield f"{name} {n} inputs", part.inputs
                yield f"{name} {n} targets", part.targets
            (finding,) = task.examine([data], Answers(task))
            losses = [task.metrics_of_losses(loss, 3 * loss, 2 * loss) for loss in (0.1, 1.7, 20.0)]
            said = {**task.baselines(data), **finding.metrics}
            yield f"{name} {n} numbers", np.array([*said.values(), *(v for row in losses for v in row.values())])
            for column, values in finding.predictions.items():
                yield f"{name} {n} {column}", values


def of_matrices():
    for n in (1, 16, 50, 100):
        matrix = np.random.default_rng(n).random((n, n), np.float32) - np.float32(0.5)
        yield f"stretches {n}", np.array(stretches(matrix))


def of_libraries():
    """Not ours: they show that the other processor is another one."""
    x = np.random.default_rng(0).random((100, 100))
    yield "libraries", np.concatenate([x @ x, np.sin(50 * x), np.exp(x)])


def run_of(task="sines", cell="rnn", optimizer="adam", activation="tanh", seed=0, **more):
    """A run of a few clipped updates."""
    cell = CELLS[cell] if isinstance(cell, str) else cell
    node = {
        "task": {"name": task} | SMALL_TASKS[task],
        "cell": cell | {"activation": activation},
        "optimizer": {"name": optimizer, "learning_rate": 0.01, "clip_norm": 0.5},
        "training": {"steps": 5, "eval_every": 2, "batch_size": None if task == "charseq" else 7},
        "seed": seed,
    }
    return from_node(node | more)


def packs_of_runs():
    """The sweep, four lanes a pack; then every activation in either place, every optimiser, and the other cells."""
    for task, cell, optimizer in product(SMALL_TASKS, CELLS, ("sgd", "adam")):
        yield [run_of(task, cell, optimizer, name, seed) for seed, name in enumerate(SWEPT)]
    yield [run_of(cell=CELLS["lstm"] | {"gate_activation": name}, activation=name) for name in ACTIVATIONS]
    for name in OPTIMIZERS:
        yield [run_of(optimizer=name)]
    dropped = {"hidden_size": 11, "num_layers": 2, "dropout": 0.3}
    for name in ("indrnn", "mingru", "mgu", "layer_norm_rnn"):
        for task in SMALL_TASKS:
            yield [run_of(task, {"name": name, "hidden_size": 9}, activation=each) for each in SWEPT]
    others = ({"name": "memoryless"}, {"name": "gru", "reset_after": False}, {"name": "lstm"})
    for cell in (*others, {"name": "indrnn"}, {"name": "mingru"}, {"name": "mgu"}, {"name": "layer_norm_rnn"}):
        yield [run_of("sines", cell | dropped, readout={"activation": "tanh"})]
    yield [run_of("digits", readout={"activation": "sigmoid"})]
    yield [run_of("digits", {"name": "rnn", "num_layers": 0})]


def records_of_runs():
    """What the records hold, by run and file; and for which processor the kernels are."""
    from rnnlab.nets.kernels.library import processor

    found = {"processor": processor()[0]}
    for pack in packs_of_runs():
        assert {backend_of(run, "cpu", "compiled") for run in pack} == {"compiled"}
        for run, result in zip(pack, train(pack), strict=True):
            assert result.status == "completed"
            files = finish(run, result).files
            found |= {f"{run.folder} {name}": _digest(content) for name, content in files.items()}
    return found


def _digest(content):
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def digests():
    """The digest of every array, by what it is."""
    found = {}
    for numbers in (of_functions, of_initializers, of_schedules, of_adam, of_tasks, of_matrices, of_libraries):
        for name, array in numbers():
            key = f"{numbers.__name__} {name}"
            digest = hashlib.sha256(np.ascontiguousarray(array).tobytes() + str(array.dtype).encode())
            found[key] = found.get(key, "") + digest.hexdigest()
    return found


@pytest.fixture(scope="module")
def ours():
    return digests()


def in_another_process(processor, what):
    """What this file prints as a program that is told of another processor."""
    program = [sys.executable, "-P", __file__, what]
    environment = {**os.environ, **processor}
    return json.loads(subprocess.run(program, env=environment, capture_output=True, check=True).stdout)


of_x86 = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the promise is for x86-64")


@of_x86
@pytest.mark.slow
def test_runs_have_records_of_the_same_bytes_on_another_processor():
    """haswell has vectors of 8 floats and 16 registers; processors with AVX-512 have 32 of 16."""
    here = pytest.importorskip("llvmlite.binding").get_host_cpu_features()
    if not all(here.get(name) for name in ("avx2", "fma", "bmi2")):
        pytest.skip("code for haswell does not run here")
    theirs, ours = in_another_process(HASWELL, "runs"), records_of_runs()
    assert theirs.pop("processor") == "haswell"
    assert ours.pop("processor")
    assert theirs.keys() == ours.keys()
    assert len({name.split()[0] for name in ours}) >= 128
    assert {name.split()[1] for name in ours} >= {"run.json", "curves.csv", "predictions.csv", "weights.safetensors"}
    assert [name for name in ours if ours[name] != theirs[name]] == []


@of_x86
@pytest.mark.parametrize(
    "processor", ["without vectors of 512 bits", pytest.param("without AVX and FMA", marks=pytest.mark.slow)]
)
def test_data_weights_rates_and_losses_have_the_same_bits_on_another_processor(processor, ours):
    theirs = in_another_process(PROCESSORS[processor], "arrays")
    assert theirs.keys() == ours.keys()
    library = "of_libraries libraries"
    assert theirs[library] != ours[library] or not WIDEST, "the process did not do as it was told"
    assert {name for name in ours if ours[name] != theirs[name]} <= {library}


if __name__ == "__main__":
    print(json.dumps({"runs": records_of_runs, "arrays": digests}[sys.argv[1]]()))
