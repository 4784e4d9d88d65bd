"""A run's record has the same bits alone, in a pack, in any part of it, and continued after a stop."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.cells import CELLS
from rnnlab.nets.losses import READOUT_ACTIVATIONS
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.schedules import SCHEDULES
from rnnlab.training import batches, pack
from rnnlab.training import loop as training
from rnnlab.training.checkpoints import read_checkpoints, write_checkpoint
from rnnlab.training.construction import backend_of
from rnnlab.training.loop import Checkpoints, train
from rnnlab.training.pack import Pack

ORIGINAL = {"cell__reset_after": False}
DROPPED = {"cell__num_layers": 2, "cell__dropout": 0.3, "readout__dropout": 0.2}
PACKS = {  # task, cell, optimizer, hidden size, batch size, what else: every cell, optimiser and size, each feature
    "one sample": ("sines", "rnn", "adam", 5, 1, {"task__noise": 0.05}),
    "full batch": ("digits", "rnn", "sgd", 10, None, {"readout__activation": "softmax", "cell__num_layers": 2}),
    "memoryless": ("sinc", "memoryless", "rmsprop", 33, 7, {"cell__num_layers": 2, "task__noise": 0.05}),
    "dropout": ("sines", "lstm", "adagrad", 10, 7, DROPPED),
    "stream": ("text", "lstm", "adamw", 5, 7, {"cell__embedding_size": 3, "cell__num_layers": 2}),
    "stream of ones, in chunks": ("text", "gru", "nesterov", 33, 190, {"task__window": 1}),
    "dropout of a stream": ("text", "gru", "adam", 10, 7, DROPPED | ORIGINAL),
    "tokens": ("charseq", "gru", "adadelta", 10, None, {"cell__num_layers": 2}),
    "embedding": ("ship", "gru", "sgd", 33, 7, {"cell__embedding_size": 10, **ORIGINAL}),
    "fresh": ("adding", "lstm", "rmsprop", 5, 7, {"training__fresh": True, "training__gradient_noise": 0.1}),
    "noise": ("parity", "rnn", "adagrad", 33, None, {"training__gradient_noise": 0.1, "training__eval_samples": 7}),
    "classes": ("rows", "gru", "adadelta", 33, 1, {"cell__bias": False, "readout__bias": False}),
    "no layers": ("images", "memoryless", "adamw", 10, 7, {"cell__num_layers": 0, "readout__dropout": 0.1}),
    "no layers in time": ("series", "rnn", "nesterov", 10, 7, {"cell__num_layers": 0}),
}
WITHOUT_KERNEL = {"lru"}
PACKED = {choice for pack in PACKS.values() for choice in pack[1:3]}
PACKS |= {f"cell {name}": ("sines", name, "adam", 10, 7, {}) for name in CELLS if name not in PACKED}
PACKS |= {f"optimizer {name}": ("sines", "rnn", name, 10, 7, {}) for name in OPTIMIZERS if name not in PACKED}


def lanes_of(name, run_config, n_lanes=6, **more):
    """Runs of one program that differ in everything in which lanes can differ.  All packs have every activation."""
    task, cell, optimizer, hidden_size, batch_size, values = PACKS[name]
    first = 5 * list(PACKS).index(name)
    gated = cell in ("lstm", "gru")
    activations = list(ACTIVATIONS)

    def lane(n):
        own = {
            "cell__activation": activations[(first + n) % len(activations)],
            "cell__hidden_size": hidden_size,
            "training__batch_size": batch_size,
            "training__steps": 4,
            "optimizer__learning_rate": 0.003 * (1 + n % 3),
            "optimizer__clip_norm": (None, 1.0, None)[n % 3],
            "optimizer__clip_value": (None, None, 0.01, 0.1)[n % 4],
            "optimizer__weight_decay": (0.0, 0.1)[n % 2],
            "optimizer__schedule": list(SCHEDULES)[n % 4],
            "optimizer__step_every": 2,
            "optimizer__warmup_steps": n % 3,
            "init__recurrent": ("uniform", "orthogonal")[n // 2 % 2],
        }
        if gated:
            own["cell__gate_activation"] = ("sigmoid", activations[(first + 3 * n) % len(activations)])[n % 2]
        if cell == "lstm":
            own["cell__forget_bias"] = float(n % 3)
        if "cell__dropout" in values:
            own |= {"cell__dropout": 0.1 + 0.1 * (n % 3)}
        return run_config(task, cell, optimizer, seed=n % 5, **values | own | more)

    return [lane(n) for n in range(n_lanes)]


def test_the_packs_have_every_cell_optimizer_and_activation(run_config):
    runs = [run for name in PACKS for run in lanes_of(name, run_config)]
    assert {run.cell.name for run in runs} == set(CELLS)
    assert {run.optimizer.name for run in runs} == set(OPTIMIZERS)
    assert {run.cell.activation.name for run in runs if run.cell.num_layers} == set(ACTIVATIONS)
    assert len({getattr(run.cell, "gate_activation", None) for run in runs}) > 10
    assert {run.cell.name for run in runs if backend_of(run, "cpu", "auto") == "torch"} == WITHOUT_KERNEL


@pytest.fixture(params=PACKS)
def name(request, monkeypatch):
    """The name of a pack."""
    if request.param.endswith("in chunks"):
        monkeypatch.setattr(batches, "TRACE_LIMIT", 64 * 33)  # a batch is cut into three chunks
    return request.param


def test_a_runs_record_has_the_same_bits_alone_in_a_pack_and_in_any_part_of_it(name, run_config, texts):
    runs = lanes_of(name, run_config)
    whole = texts(runs)
    order = np.random.default_rng(len(name)).permutation(len(runs))
    for part in np.split(order, [2, 3]):
        assert texts([runs[n] for n in part]) == [whole[n] for n in part]
    for n, run in enumerate(runs):
        assert texts([run])[0] == whole[n], asdict(run.cell)


@pytest.mark.parametrize("readout", READOUT_ACTIVATIONS)
def test_bits_do_not_depend_on_the_pack_for_any_readout(readout, run_config, texts):
    for task in ("sines", "digits", "hihello"):
        if (task, readout) == ("sines", "softmax"):
            continue
        values = {"readout__activation": readout, "training__steps": 2, "training__batch_size": None}
        if task != "hihello":
            values |= {"training__batch_size": 7}
        runs = [run_config(task, seed=n, cell__activation=("tanh", "relu")[n % 2], **values) for n in range(3)]
        assert texts(runs) == [texts([run])[0] for run in runs] == texts(runs[::-1])[::-1]


def test_the_same_run_twice_gives_the_same_bits(run_config, texts):
    for name in ("one sample", "dropout of a stream", "fresh"):
        run = lanes_of(name, run_config, 1)[0]
        assert texts([run]) == texts([run])
        assert texts([run, run]) == texts([run]) * 2


def test_the_number_of_threads_changes_no_bits_and_is_restored(run_config, texts):
    run = run_config(training__batch_size=None, cell__hidden_size=33, cell__activation="gelu")
    threads = torch.get_num_threads()
    try:
        records = []
        for n in (1, 3):
            torch.set_num_threads(n)
            records += texts([run])
            assert torch.get_num_threads() == n
        assert records[0] == records[1]
    finally:
        torch.set_num_threads(threads)


# Packs that become narrower, or stop and continue


@pytest.fixture
def widths(monkeypatch):
    """The number of lanes of every pack that is made."""
    widths = []
    begin = Pack.__init__

    def watched(self, lanes, *rest):
        widths.append(len(lanes))
        begin(self, lanes, *rest)

    monkeypatch.setattr(Pack, "__init__", watched)
    return widths


RATES = [0.01, 3e38, 50.0, 0.02, 20.0, 1e5, 0.03, 300.0]  # at rates above 1 a run diverges
COMPACTED = {
    "permuted": ("sines", "rnn", {"training__batch_size": 7}),
    "stream": ("text", "lstm", {"training__batch_size": 5, "cell__num_layers": 2}),
    "stream in chunks": ("text", "gru", {"training__batch_size": 20}),
    "fresh, with dropout and noise": (
        "adding",
        "gru",
        {"training__batch_size": 7, "training__fresh": True, "training__gradient_noise": 0.01, **DROPPED}
        | {"divergence__loss_factor": 20.0},
    ),
}


@pytest.mark.parametrize("case", COMPACTED)
def test_a_narrower_pack_without_the_stopped_lanes_changes_no_bits(case, run_config, texts, widths, monkeypatch):
    task, cell, values = COMPACTED[case]
    if case == "stream in chunks":
        monkeypatch.setattr(batches, "TRACE_LIMIT", 8 * 5 * 6)  # a batch of twenty is cut into three chunks
    values = {"training__steps": 14, "training__eval_every": 3, "divergence__loss_factor": 2.0} | values
    runs = [
        run_config(task, cell, "sgd", seed=n, cell__activation="identity", optimizer__learning_rate=rate, **values)
        for n, rate in enumerate(RATES)
    ]
    results = train(runs)
    assert widths[0] == 8
    assert len(widths) >= 2
    assert widths == sorted(widths, reverse=True)
    assert [result.diverged for result in results] == [rate > 1 for rate in RATES]
    assert len({result.diverged_at_step for result in results}) >= 3, "they must not all stop at once"
    assert texts(runs) == [texts([run])[0] for run in runs]


def stopped_after(n_steps, runs, path, monkeypatch):
    """Train with one update a call and a checkpoint after each, and stop after the n-th."""

    class Stopped(Exception):
        pass

    def write(path, states):
        write_checkpoint(path, states)
        if states[0].step == n_steps:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(pack, "MOST_COMPUTED", 0)
        patch.setattr(training, "write_checkpoint", write)
        with pytest.raises(Stopped):
            train(runs, checkpoints=Checkpoints(path, 0.0))


def test_a_run_continued_in_another_pack_ends_with_the_same_bits(name, run_config, texts, tmp_path, monkeypatch):
    """The stop is in the middle of a stream or of an epoch, and of the draws of dropout and noise."""
    runs = lanes_of(name, run_config, 4, training__steps=9)
    wanted = texts(runs)
    stopped_after(5, runs, tmp_path / "pack.checkpoint", monkeypatch)
    states = read_checkpoints(tmp_path, [run.run_id for run in runs])
    assert {state.step for state in states.values()} == {5}
    live = [n for n in (3, 1, 2) if runs[n].run_id in states]  # of a new activation, one may have diverged
    assert len(live) >= 2
    for part in ([0], live):
        continued = texts([runs[n] for n in part], states=[states[runs[n].run_id] for n in part])
        assert continued == [wanted[n] for n in part]
