"""The training loop against the same run in plain torch, step by step."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from rnnlab.nets.cells import CELLS
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.records.run import CURVE_COLUMNS
from rnnlab.tasks import Data, Finding, Split, Task
from rnnlab.training import batches
from rnnlab.training.batches import BatchOrder
from rnnlab.training.construction import architecture, initial_weights, no_kernel
from rnnlab.training.loop import train


def curves_of(result):
    """The columns that every run has, (rows, columns)."""
    return np.stack([result.curves[name] for name in CURVE_COLUMNS], axis=1)


TORCH_OPTIMIZERS = {
    "sgd": lambda w, o, **n: torch.optim.SGD(w, momentum=o.momentum, **n),
    "nesterov": lambda w, o, **n: torch.optim.SGD(w, momentum=o.momentum, nesterov=True, **n),
    "adagrad": lambda w, o, **n: torch.optim.Adagrad(w, eps=o.eps, **n),
    "rmsprop": lambda w, o, **n: torch.optim.RMSprop(w, alpha=o.decay, eps=o.eps, **n),
    "adadelta": lambda w, o, **n: torch.optim.Adadelta(w, rho=o.rho, eps=o.eps, **n),
    "adam": lambda w, o, **n: torch.optim.Adam(w, betas=(o.beta1, o.beta2), eps=o.eps, **n),
    "adamw": lambda w, o, **n: torch.optim.AdamW(w, betas=(o.beta1, o.beta2), eps=o.eps, **n),
}


def stream(run, number):
    return np.random.default_rng(np.random.SeedSequence(run.seed, spawn_key=(number,)))


class PlainTraining:
    """The same run in plain torch, in double precision."""

    def __init__(self, run, reference):
        self.run, self.reference, self.task = run, reference, run.task
        self.weights = reference.lane_weights(architecture(run), initial_weights(run))
        self.data = run.task.data(run.seed)
        self.dropout, self.noise, batch_draws = stream(run, 4), stream(run, 5), stream(run, 3)
        self.batches = self._batches(batch_draws)
        self.carried = None

    def _batches(self, generator):
        """For each batch (split, indices, whether streams begin)."""
        train, size = self.data.train, self.run.training.batch_size
        order = BatchOrder(len(train), size, generator)
        while True:
            if self.run.training.fresh:
                yield self.task.fresh_batch(generator, size), slice(None), True
            elif self.task.carries_state:
                length = len(train) // size
                for position in range(length):
                    yield train, [c * length + position for c in range(size)], position == 0
            else:
                yield train, order.next(), True

    def losses(self, inputs, targets, **options):
        """The outputs of all answers, and for each layer the states after the last step."""
        run, x = self.run, torch.tensor(inputs).transpose(0, 1)
        z, states = self.reference.passed_forward(
            self.weights,
            x.double() if x.is_floating_point() else x,
            run.cell.activation,
            cell=architecture(run).cell,
            gate_activation=getattr(run.cell, "gate_activation", "sigmoid"),
            answers=self.task.answers,
            **options,
        )
        z = z.transpose(0, 1) if self.task.answers == "every" else z
        z, target = z.reshape(-1, z.shape[-1]), torch.tensor(targets)
        if self.task.loss == "mse":
            losses = (z - target.double().reshape(z.shape)).square()
        else:
            losses = torch.nn.functional.cross_entropy(z, target.flatten(), reduction="none")
        return losses, [layer[-1] for layer in states]

    def loss_on(self, split, n_samples=None):
        """The loss over the first n_samples, or all, or over the streams of the evaluation, each as one long
        sequence."""
        n = min(n_samples or len(split), len(split))
        per_stream = -(-n // max(32, self.run.training.batch_size)) if self.task.carries_state else 1
        if per_stream == 1:
            return self.losses(split.inputs[:n], split.targets[:n])[0].mean().item()
        full = n // per_stream * per_stream
        parts = [(slice(0, full), n // per_stream), (slice(full, n), 1)][: 1 + (full < n)]
        found = [self.losses(split.inputs[p].reshape(k, -1), split.targets[p].reshape(k, -1))[0] for p, k in parts]
        return torch.cat(found).mean().item()

    def keep(self, n_samples):
        """The factors of dropout."""
        cell, every = self.run.cell, self.task.answers == "every"
        if not cell.dropout and not self.run.readout.dropout:
            return None
        factors = []
        for n in range(cell.num_layers):
            top = n == cell.num_layers - 1
            rate = np.float32(self.run.readout.dropout if top else cell.dropout)
            shape = (self.task.seq_len if every or not top else 1, n_samples, cell.hidden_size)
            kept = torch.from_numpy((self.dropout.random(shape, dtype=np.float32) >= rate) / (1 - np.float64(rate)))
            factors.append(kept[0] if top and not every else kept)
        return factors

    def rate(self, step):
        o, T = self.run.optimizer, self.run.training.steps
        factors = {
            "constant": lambda: 1.0,
            "step": lambda: o.schedule.step_factor ** ((step - 1) // o.schedule.step_every),
            "linear": lambda: 1 - (step - 1) / T,
            "cosine": lambda: (1 + math.cos(math.pi * (step - 1) / T)) / 2,
        }
        return o.learning_rate * factors[o.schedule.name]() * min(1, step / (o.warmup_steps + 1))

    def clip(self):
        """The norm of the gradient before clipping, and whether it was clipped."""
        o, parameters = self.run.optimizer, list(self.weights.values())
        clip_norm, clip_value = (math.inf if limit is None else limit for limit in (o.clip_norm, o.clip_value))
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip_norm).item()
        largest = max(p.grad.abs().max().item() for p in parameters)
        torch.nn.utils.clip_grad_value_(parameters, clip_value)
        return norm, float(norm > clip_norm or largest > clip_value)

    def add_noise(self, step):
        scale = self.run.training.gradient_noise / step**0.275
        for weight in self.weights.values() if scale else ():
            weight.grad += scale * torch.from_numpy(self.noise.normal(size=weight.shape))

    def rows(self):
        """The rows of curves.csv, one per step."""
        o, rows = self.run.optimizer, []
        parameters = list(self.weights.values())
        optimizer = TORCH_OPTIMIZERS[o.name](parameters, o, lr=o.learning_rate, weight_decay=o.weight_decay)
        for step, (split, indices, begins) in zip(range(1, self.run.training.steps + 1), self.batches, strict=False):
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
            inputs, targets = split.inputs[indices], split.targets[indices]
            initial = None if begins else self.carried
            losses, last = self.losses(inputs, targets, initial=initial, keep=self.keep(len(inputs)))
            self.carried = [tuple(state.detach() for state in layer) for layer in last]
            losses.mean().backward()
            norm, clipped = self.clip()
            self.add_noise(step)
            optimizer.param_groups[0]["lr"] = self.rate(step)
            optimizer.step()
            with torch.no_grad():
                n = self.run.training.eval_samples
                whole = [self.loss_on(part, n) for part in (self.data.train, self.data.eval)]
            rows.append((step, *whole, losses.mean().item(), norm, clipped))
        return np.array(rows)


STREAMED = dict(task="text")  # 112 windows of 5: 9 streams of 12 windows, which 20 steps read once and in part again
PLAIN = {
    "rnn": dict(cell__activation="tanh", optimizer="sgd", optimizer__momentum=0.9, optimizer__clip_norm=0.3),
    "depth": dict(cell__activation="relu", optimizer="adam", cell__num_layers=2, training__batch_size=None),
    "memoryless": dict(cell__activation="leaky_relu", optimizer="rmsprop", cell="memoryless", cell__bias=False),
    "classes": dict(cell__activation="gelu", task="digits", optimizer__clip_norm=2.0, init__input="normal"),
    "noisy data": dict(cell__activation="sigmoid", optimizer="sgd", task="sinc", init__recurrent="orthogonal")
    | dict(task__noise=0.1),
    "no layers": dict(optimizer="sgd", cell__num_layers=0, task="digits", readout__dropout=0.0),
    "tokens": dict(cell="lstm", task="charseq", optimizer="adagrad", training__batch_size=None, cell__forget_bias=1.0),
    "one weight for all": dict(cell="gru", task="ship", optimizer="nesterov", init__weights="glorot_normal"),
    "stream": STREAMED | dict(cell="lstm", optimizer="adamw", cell__num_layers=2, optimizer__clip_norm=0.2),
    "windows of a text": dict(task="text", task__reset="window", cell="lstm"),
    "embedded stream": STREAMED | dict(cell="gru", cell__embedding_size=4, optimizer="adadelta"),
    "dropout": dict(cell="gru", cell__num_layers=3, cell__dropout=0.3, readout__dropout=0.2, optimizer="sgd"),
    "dropout of a stream": STREAMED | dict(cell__num_layers=2, cell__dropout=0.5, readout__dropout=0.5),
    "original": dict(cell="gru", cell__reset_after=False, cell__gate_activation="hardtanh", optimizer__weight_decay=0.1)
    | dict(optimizer="sgd", optimizer__schedule="cosine", optimizer__warmup_steps=3),
    "clip value": dict(cell="lstm", cell__activation="relu", optimizer="rmsprop", optimizer__clip_value=0.02)
    | dict(optimizer__schedule="step", optimizer__step_every=6),
    "both clippings": dict(optimizer="sgd", optimizer__clip_norm=0.5, optimizer__clip_value=0.1)
    | dict(optimizer__schedule="linear"),
    "fresh and noisy": dict(task="adding", cell="lstm", training__fresh=True, training__gradient_noise=0.1)
    | dict(optimizer="sgd", training__eval_samples=7),
}
PLAIN |= {f"cell {name}": dict(cell=name) for name in CELLS if name not in ("rnn", "memoryless", "lstm", "gru")}


@pytest.mark.parametrize("backend", ["compiled", "torch"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_run_equals_a_plain_loop_in_torch(name, backend, run_config, reference):
    """To 1e-5 over 20 steps: single precision against double."""
    sizes = {"training__batch_size": 9, "training__steps": 20, "training__eval_every": 1, "cell__hidden_size": 7}
    run = run_config(seed=5, **sizes | PLAIN[name])
    if backend == "compiled" and no_kernel(run, "cpu"):
        pytest.skip("no kernel")
    (result,) = train([run], backend=backend)
    found = curves_of(result)
    plain = PlainTraining(run, reference)
    np.testing.assert_allclose(found[1:], plain.rows(), rtol=1e-5, atol=2e-6)
    with torch.no_grad():
        test_loss = plain.loss_on(plain.data.test)
    assert result.metrics["test_loss"] == pytest.approx(test_loss, rel=1e-5, abs=2e-6), "of the whole test split"
    assert np.isnan(found[0, 3:]).all(), "before the first update there is no batch"
    assert result.metrics["train_loss"] == found[-1, 1]
    assert result.metrics["eval_loss"] == found[-1, 2]


def test_the_plain_loops_cover_every_cell_and_every_optimizer(run_config):
    runs = [run_config(**{"training__batch_size": 9} | values) for values in PLAIN.values()]
    assert {run.cell.name for run in runs} == set(CELLS)
    assert {run.optimizer.name for run in runs} == set(TORCH_OPTIMIZERS) <= set(OPTIMIZERS)


@dataclass(frozen=True)
class Echo(Task):
    """The answer at every step is the input of the step before, as numbers or as the class of the largest."""

    name: str = "echo"
    loss: str = "mse"

    answers = "every"
    predictions_kind = "series"
    score = "eval_loss"
    higher_is_better = False
    input_size = output_size = 3
    seq_len = 4
    n_train = 21

    def data(self, seed):
        heard = np.random.default_rng(seed).normal(size=(63, 5, 3)).astype(np.float32)
        said = heard[:, :-1] if self.loss == "mse" else heard[:, :-1].argmax(-1)
        return Data(*(Split(heard[part, 1:], said[part]) for part in np.split(np.arange(63), 3)))

    def examine(self, data, network):
        outputs = network.outputs([lane.test.inputs for lane in data])
        return [Finding({}, {"output": lane.ravel()}) for lane in outputs]


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_task_answered_at_every_step_equals_a_plain_loop_and_depends_on_no_neighbour(
    loss, batch_size, run_config, reference, monkeypatch, texts, text
):
    values = {
        "training__batch_size": batch_size,
        "training__steps": 8,
        "training__eval_every": 1,
        "cell__num_layers": 2,
    }
    lanes = [
        run_config(seed=n, cell__activation=name, optimizer__clip_norm=0.5, **values)
        for n, name in enumerate(["tanh", "silu", "relu"])
    ]
    runs = [replace(run, task=Echo(loss=loss)) for run in lanes]
    monkeypatch.setattr(batches, "TRACE_LIMIT", 8 * 4 * 6)  # a full batch in three chunks
    results = train(runs)
    assert [text(result) for result in results] == [texts([run])[0] for run in runs]
    for run, result in zip(runs, results, strict=True):
        rows = PlainTraining(run, reference).rows()
        np.testing.assert_allclose(curves_of(result)[1:], rows, rtol=1e-5, atol=2e-6)


def test_a_batch_cut_into_chunks_gives_the_same_run(run_config, monkeypatch):
    runs = [run_config(training__batch_size=None, cell__activation=name) for name in ("tanh", "silu")]
    whole = train(runs)
    monkeypatch.setattr(batches, "TRACE_LIMIT", 6 * 6 * 8)  # eight of 38 samples at once
    for one, other in zip(whole, train(runs), strict=True):
        for name in CURVE_COLUMNS:
            # another order of summation: a few roundings of 6e-8
            np.testing.assert_allclose(one.curves[name], other.curves[name], rtol=2e-6)
