"""The training loop: the published experiment, a plain loop in torch, divergence, bits that depend on no neighbour."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from rnnlab import batches, lane, training
from rnnlab.activations import ACTIVATIONS, Activation, make_activation
from rnnlab.batches import BatchOrder
from rnnlab.divergence import REASONS
from rnnlab.network import Network
from rnnlab.records import CURVE_COLUMNS, to_csv
from rnnlab.tasks import Data, Finding, Split, Task, curves
from rnnlab.training import architecture, initialize, program_key, train


def text(result):
    """Everything a record holds of a result: equal text is equal bits."""
    assert result.status == "completed"
    numbers = [result.steps_done, result.diverged_at_step, result.divergence_reason, result.outcome, result.metrics]
    return to_csv(result.curves) + to_csv(result.predictions) + repr(numbers)


def texts(pack):
    return [text(result) for result in train(pack)]


def weights_of(run):
    """A run's initial weights by name, (fan_in, fan_out)."""
    network = Network(architecture(run), [make_activation("tanh")] * 2)
    initialize(network, 1, run)
    return {name: network.get_weight(1, name) for name in network.weights}


# Against what is published, and against torch


@pytest.fixture(scope="module")
def lab(run_config):
    """F1, the lab's experiment: tanh, no biases, plain gradient descent, 100 updates on the full batch."""
    values = {"task__n_points": 2400, "task__stop": 100.0, "task__window": 10, "task__forecast_steps": None}
    values |= {"cell__hidden_size": 50, "cell__bias": False, "readout__bias": False}
    values |= {"optimizer__learning_rate": 0.005, "training__steps": 100, "training__eval_every": 100}
    return train([run_config("sines", optimizer="sgd", seed=seed, **values) for seed in (0, 1)])


def test_the_labs_losses_are_those_that_were_published(lab):
    """Published for one unknown seed: 1.613 after the first update, 0.016 after the last."""
    for result in lab:
        first, last = result.curves["train_loss"]
        assert 1 < first < 2
        assert 0.008 < last < 0.03
        assert result.outcome == "learned"
        assert result.metrics["persistence_loss"] < last  # saying the last value again does better


def test_the_labs_closed_loop_goes_flat_near_the_published_height(lab):
    for result in lab:
        end = result.predictions["closed_loop"][-50:]
        assert end.max() - end.min() < 1e-3
        assert end.mean() == pytest.approx(1.4, abs=0.1)


TORCH_OPTIMIZERS = {
    "sgd": lambda w, o: torch.optim.SGD(w, lr=o.learning_rate, momentum=o.momentum),
    "rmsprop": lambda w, o: torch.optim.RMSprop(w, lr=o.learning_rate, alpha=o.decay, eps=o.eps),
    "adam": lambda w, o: torch.optim.Adam(w, lr=o.learning_rate, betas=(o.beta1, o.beta2), eps=o.eps),
}


def plain_training(run, reference):
    """The same run as one would write it with torch, in double precision -> rows of curves.csv, one per step."""
    weights = {name: w.double().requires_grad_() for name, w in weights_of(run).items()}
    optimizer = TORCH_OPTIMIZERS[run.optimizer.name](list(weights.values()), run.optimizer)
    data = run.task.data(run.seed)
    order = BatchOrder(
        len(data.train),
        run.training.batch_size,
        np.random.default_rng(np.random.SeedSequence(run.seed, spawn_key=(3,))),
    )

    def loss_on(split, indices):
        x = torch.from_numpy(split.inputs[indices]).double().transpose(0, 1)
        memoryless, answers = run.cell.name == "memoryless", run.task.answers
        z = reference.unroll(weights, x, run.cell.activation, memoryless=memoryless, answers=answers)
        target = torch.from_numpy(split.targets[indices])
        if answers == "every":
            z, target = z.transpose(0, 1).flatten(0, 1), target.flatten(0, 1)
        if run.task.loss == "mse":
            return torch.nn.functional.mse_loss(z, target.double())
        return torch.nn.functional.cross_entropy(z, target)

    rows = []
    for step in range(1, run.training.steps + 1):
        optimizer.zero_grad()
        loss = loss_on(data.train, order.next())
        loss.backward()
        clip_norm = math.inf if run.optimizer.clip_norm is None else run.optimizer.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), clip_norm).item()
        optimizer.step()
        with torch.no_grad():
            whole = [loss_on(split, np.arange(len(split))).item() for split in (data.train, data.eval)]
        rows.append((step, *whole, loss.item(), norm, float(norm > clip_norm)))
    return np.array(rows)


@pytest.mark.parametrize(
    "values",
    [
        dict(cell__activation="tanh", optimizer="sgd", optimizer__momentum=0.9, optimizer__clip_norm=0.3),
        dict(cell__activation="relu", optimizer="adam", cell__num_layers=2, training__batch_size=None),
        dict(cell__activation="leaky_relu", optimizer="rmsprop", cell="memoryless", cell__bias=False),
        dict(cell__activation="gelu", optimizer="adam", task="digits", optimizer__clip_norm=2.0, init__input="normal"),
        dict(cell__activation="sigmoid", optimizer="sgd", task="sinc", init__recurrent="orthogonal", task__noise=0.1),
    ],
    ids=lambda values: values["cell__activation"],
)
def test_a_run_equals_a_plain_loop_in_torch(values, run_config, reference):
    """To 1e-5 over 20 steps: single precision against double."""
    sizes = {"training__batch_size": 9, "training__steps": 20, "training__eval_every": 1, "cell__hidden_size": 7}
    run = run_config(seed=5, **sizes | values)
    (result,) = train([run])
    assert list(result.curves) == list(CURVE_COLUMNS)
    found = np.stack([result.curves[name] for name in CURVE_COLUMNS], axis=1)
    np.testing.assert_allclose(found[1:], plain_training(run, reference), rtol=1e-5, atol=2e-6)
    assert np.isnan(found[0, 3:]).all(), "before the first update there is no batch"
    assert result.metrics["train_loss"] == found[-1, 1]
    assert result.metrics["eval_loss"] == found[-1, 2]


@dataclass(frozen=True)
class Echo(Task):
    """At every step: what was heard a step ago, as numbers or as the class of the largest."""

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
    loss, batch_size, run_config, reference, monkeypatch
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
        found = np.stack([result.curves[name] for name in CURVE_COLUMNS], axis=1)
        np.testing.assert_allclose(found[1:], plain_training(run, reference), rtol=1e-5, atol=2e-6)


def test_a_batch_cut_into_chunks_gives_the_same_run(run_config, monkeypatch):
    runs = [run_config(training__batch_size=None, cell__activation=name) for name in ("tanh", "silu")]
    whole = train(runs)
    monkeypatch.setattr(batches, "TRACE_LIMIT", 6 * 6 * 8)  # eight of 38 samples at once
    for one, other in zip(whole, train(runs), strict=True):
        for name in CURVE_COLUMNS:
            # another order of summation: a few roundings of 6e-8
            np.testing.assert_allclose(one.curves[name], other.curves[name], rtol=2e-6)


# Initial weights


def test_a_scale_multiplies_the_draw(run_config):
    plain, scaled = (
        weights_of(run_config(init__input_scale=a, init__recurrent_scale=b, init__readout_scale=c, init__bias_scale=d))
        for a, b, c, d in [(1, 1, 1, 1), (2, 0.5, 0, -1)]
    )
    factors = {
        "layer0.weight_ih": 2,
        "layer0.weight_hh": 0.5,
        "readout.weight": 0,
        "layer0.bias": -1,
        "readout.bias": -1,
    }
    assert plain.keys() == factors.keys()
    for name, factor in factors.items():
        assert torch.equal(scaled[name], factor * plain[name])


def test_each_kind_of_weight_has_its_own_initializer(run_config):
    chosen = dict(init__input="zeros", init__recurrent="identity", init__readout="normal", init__bias="zeros")
    weights = weights_of(run_config(**chosen))
    assert not weights["layer0.weight_ih"].any()
    assert torch.equal(weights["layer0.weight_hh"], torch.eye(6))
    assert not weights["layer0.bias"].any()
    assert not weights["readout.bias"].any()
    assert weights["readout.weight"].all()


def test_leaving_out_a_bias_or_adding_a_layer_changes_no_other_draw(run_config):
    full = weights_of(run_config(cell__num_layers=2, seed=3))
    for values in (
        dict(cell__num_layers=1),
        dict(cell__bias=False),
        dict(readout__bias=False),
        dict(cell="memoryless"),
    ):
        less = weights_of(run_config(seed=3, **values))
        assert all(torch.equal(less[name], full[name]) for name in less)
        assert less.keys() < full.keys()


def test_another_seed_draws_other_weights_and_no_two_matrices_are_alike(run_config):
    first, second = (weights_of(run_config(cell__num_layers=2, seed=seed)) for seed in (0, 1))
    assert not any((first[name] == second[name]).any() for name in first)
    assert not (first["layer0.weight_hh"] == first["layer1.weight_hh"]).any()


def test_weights_begin_within_the_bounds_of_torch(run_config):
    weights = weights_of(run_config(cell__hidden_size=64))
    for name, bound in {
        "layer0.weight_ih": 1,
        "layer0.weight_hh": 1 / 8,
        "layer0.bias": 1 / 8,
        "readout.weight": 1 / 8,
    }.items():
        assert 0.8 * bound < weights[name].abs().max() <= bound


# The schedule


def test_a_run_of_no_steps_is_looked_at_once(run_config):
    (result,) = train([run_config(training__steps=0)])
    assert result.curves["step"].tolist() == [0]
    assert result.steps_done == 0
    assert result.metrics["train_loss"] == result.curves["train_loss"][0]
    assert math.isfinite(result.metrics["mse_closed_loop"])
    assert not result.diverged
    assert math.isnan(result.curves["clip_rate"][0])


@pytest.mark.parametrize(("steps", "eval_every", "expected"), [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (2, 9, [0, 2])])
def test_rows_are_written_at_the_start_every_so_often_and_at_the_end(steps, eval_every, expected, run_config):
    (result,) = train([run_config(training__steps=steps, training__eval_every=eval_every)])
    assert result.curves["step"].tolist() == expected
    assert result.steps_done == steps


def test_how_often_a_run_is_looked_at_changes_nothing_else(run_config):
    often, seldom = (train([run_config(training__steps=6, training__eval_every=n)])[0] for n in (1, 6))
    assert often.metrics == seldom.metrics
    assert to_csv(often.predictions) == to_csv(seldom.predictions)


def test_the_clip_rate_is_the_share_of_clipped_updates_since_the_last_row(run_config):
    each = run_config(training__steps=8, training__eval_every=1, training__batch_size=5)
    norms = train([each])[0].curves["grad_norm"][1:]
    limit = float(np.sort(norms)[3:5].mean())
    run = run_config(training__steps=8, training__eval_every=4, training__batch_size=5, optimizer__clip_norm=limit)
    clipped = train([replace(run, training=each.training)])[0].curves["clip_rate"][1:]
    assert set(clipped) == {0.0, 1.0}
    np.testing.assert_allclose(train([run])[0].curves["clip_rate"][1:], clipped.reshape(2, 4).mean(1))


# Divergence

DIVERGING = {
    "limit": dict(cell__activation="identity", optimizer__learning_rate=0.4, divergence__loss_factor=50.0),
    "loss": dict(cell__activation="identity", init__input_scale=1e30, divergence__loss_factor=None),
    "gradient": dict(cell__activation="identity", init__input_scale=1e18, divergence__loss_factor=None),
    "weights": dict(optimizer__learning_rate=3e38, init__readout_scale=100.0, divergence__loss_factor=None),
}
every_reason = pytest.mark.parametrize("reason", DIVERGING)


def diverging(run_config, reason, **values):
    schedule = {"training__steps": 60, "training__eval_every": 4}
    return run_config(optimizer="sgd", **schedule | DIVERGING[reason] | values)


@every_reason
def test_a_diverged_run_says_when_and_why(reason, run_config):
    (result,) = train([diverging(run_config, reason)])
    assert result.status == "completed"
    assert result.outcome == "diverged"
    assert result.divergence_reason == REASONS[reason]
    assert result.diverged_at_step == result.steps_done < 60
    assert (result.steps_done > 0) == (reason == "limit"), "the others fail at the first update"
    steps = result.curves["step"].tolist()
    assert steps == sorted(set(steps)), "one row per step"
    assert steps[-1] == result.steps_done
    last = {name: column[-1] for name, column in result.curves.items()}
    finite = {"limit": ("batch_loss", "grad_norm"), "gradient": ("batch_loss",), "weights": ("batch_loss", "grad_norm")}
    for name in ("batch_loss", "grad_norm"):
        assert math.isfinite(last[name]) == (name in finite.get(reason, ()))
    if reason == "limit":
        assert last["batch_loss"] > 50 * result.metrics["naive_loss"]


@every_reason
def test_a_diverged_run_keeps_the_weights_of_a_run_that_ended_there(reason, run_config):
    """Its last finite weights: nothing of the step that was judged is left in them."""
    (diverged,) = train([diverging(run_config, reason)])
    (ended,) = train([diverging(run_config, reason, training__steps=diverged.steps_done)])
    assert ended.diverged == (reason in ("loss", "limit")), "seen in the loss, it is seen at the end as well"
    assert to_csv(diverged.predictions) == to_csv(ended.predictions)
    assert repr(diverged.metrics) == repr(ended.metrics)
    assert np.isfinite(diverged.predictions["one_step"]).all()


@every_reason
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_diverged_lane_leaves_its_neighbours_unchanged(reason, optimizer, run_config):
    values = {"training__steps": 12, "training__eval_every": 4}
    healthy = [
        run_config(optimizer=optimizer, seed=seed, cell__activation=name, **values)
        for seed, name in enumerate(["tanh", "gelu", "identity", "relu"])
    ]
    sick = run_config(optimizer=optimizer, **values | DIVERGING[reason] | {"init__input_scale": 1e19})
    undisturbed = texts(healthy)
    together = train([*healthy[:2], sick, *healthy[2:]])
    assert together.pop(2).diverged
    assert [text(result) for result in together] == undisturbed


def test_a_pack_is_laid_out_anew_without_stopped_lanes_and_changes_no_bits(run_config, monkeypatch):
    widths = []
    lay_out = training._PackTraining._lay_out

    def watched(self, lanes, *rest):
        widths.append(len(lanes))
        lay_out(self, lanes, *rest)

    monkeypatch.setattr(training._PackTraining, "_lay_out", watched)
    values = {"optimizer": "sgd", "training__steps": 14, "training__eval_every": 3, "training__batch_size": 7}
    values |= {"divergence__loss_factor": 2.0, "optimizer__momentum": 0.5}
    rates = [0.01, 3e38, 5.0, 0.02, 20.0, 1e5, 0.03, 300.0]
    runs = [
        run_config(seed=n, cell__activation="identity", optimizer__learning_rate=rate, **values)
        for n, rate in enumerate(rates)
    ]
    results = train(runs)
    assert widths[0] == 8
    assert len(widths) >= 2
    assert widths == sorted(widths, reverse=True)
    assert [result.diverged for result in results] == [rate > 1 for rate in rates]
    assert len({result.diverged_at_step for result in results}) >= 3, "they must not all stop at once"
    assert [text(result) for result in results] == [texts([run])[0] for run in runs]


def test_a_pack_in_which_all_lanes_diverge_ends_early_with_all_results(run_config):
    runs = [diverging(run_config, reason, training__steps=500) for reason in DIVERGING]
    assert [result.divergence_reason for result in train(runs)] == [REASONS[reason] for reason in DIVERGING]


def test_without_learning_a_run_is_not_learned(run_config):
    (result,) = train([run_config(training__steps=0, init__readout_scale=0.0, init__bias_scale=0.0)])
    data = run_config().task.data(0)
    assert result.metrics["eval_loss"] == pytest.approx(np.square(data.eval.targets).mean())  # it answers 0
    assert result.outcome == "not_learned"


# Bits


PAIRS = [  # every pair of hidden size, batch size and optimiser once
    (H, B, optimizer, ("sines", "sinc", "digits")[(i + 2 * j) % 3])
    for i, H in enumerate((5, 10, 33))
    for j, B in enumerate((1, 7, None))
    for optimizer in [("adam", "sgd", "rmsprop")[(i + j) % 3]]
]


@pytest.mark.parametrize(("hidden_size", "batch_size", "optimizer", "task"), PAIRS, ids=str)
def test_a_runs_record_has_the_same_bits_alone_in_a_pack_and_in_any_part_of_it(
    hidden_size, batch_size, optimizer, task, run_config
):
    softmax = {"readout__activation": "softmax"} if task == "digits" and hidden_size == 10 else {}
    noise = {} if task == "digits" else {"task__noise": 0.05}
    runs = [
        run_config(
            task,
            ("rnn", "memoryless")[hidden_size == 10 and batch_size == 7],
            optimizer,
            seed=n % 5,
            cell__activation=activation,
            cell__hidden_size=hidden_size,
            cell__num_layers=1 + (hidden_size == 10),
            training__batch_size=batch_size,
            training__steps=2 if task == "digits" and batch_size is None else 4,
            optimizer__learning_rate=0.003 * (1 + n % 3),
            optimizer__clip_norm=(None, 1.0)[n % 2],
            **softmax,
            **noise,
        )
        for n, activation in enumerate(ACTIVATIONS)
    ]
    whole = texts(runs)
    order = np.random.default_rng(hidden_size).permutation(len(runs))
    in_parts = {}
    for part in np.split(order, [3, 8]):
        in_parts |= dict(zip(part.tolist(), texts([runs[n] for n in part]), strict=True))
    for n, run in enumerate(runs):
        assert in_parts[n] == whole[n], run.cell.activation
        assert texts([run])[0] == whole[n], run.cell.activation


@pytest.mark.parametrize("readout", ["linear", "sigmoid", "relu", "tanh"])
@pytest.mark.parametrize("task", ["sines", "digits"])
def test_bits_do_not_depend_on_the_pack_for_any_readout(readout, task, run_config):
    runs = [
        run_config(
            task,
            seed=seed,
            cell__activation=("tanh", "relu")[seed % 2],
            readout__activation=readout,
            readout__bias=seed >= 0,
            training__steps=2,
            training__batch_size=7,
        )
        for seed in range(3)
    ]
    assert texts(runs) == [texts([run])[0] for run in runs] == texts(runs[::-1])[::-1]


def test_what_a_seed_is_for_is_drawn_from_streams_of_their_own():
    assert len({curves.NOISE_STREAM, training.INIT_STREAM, lane.BATCH_STREAM}) == 3


def test_the_same_run_twice_gives_the_same_bits(run_config):
    run = run_config(task__noise=0.1)
    assert texts([run]) == texts([run])
    assert texts([run, run]) == texts([run]) * 2


def test_the_number_of_threads_changes_no_bits_and_is_restored(run_config):
    run = run_config(training__batch_size=None, cell__hidden_size=33, cell__activation="gelu")
    threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 3):
            torch.set_num_threads(n)
            found += texts([run])
            assert torch.get_num_threads() == n
        assert found[0] == found[1]
    finally:
        torch.set_num_threads(threads)


class Boom(Activation):
    saves_input = False

    def forward(self, a, out):
        raise RuntimeError("boom")


def test_after_a_failure_torch_is_as_it_was(run_config, monkeypatch):
    monkeypatch.setattr("rnnlab.training.make_activation", lambda name, **_: Boom())
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="boom"):
        train([run_config()])
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()
    assert (torch.full((4,), 1e-40) * 1.0 != 0).all(), "numbers below the normal range must count again"


def test_training_draws_from_no_global_generator(run_config):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = texts([run_config(task__noise=0.1, training__batch_size=7)])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    torch.manual_seed(1)
    assert texts([run_config(task__noise=0.1, training__batch_size=7)]) == first


# What can share a pack


@pytest.mark.parametrize(
    "values",
    [
        dict(task="sinc"),
        dict(cell="memoryless"),
        dict(optimizer="sgd"),
        dict(cell__hidden_size=7),
        dict(cell__num_layers=2),
        dict(cell__bias=False),
        dict(readout__activation="tanh"),
        dict(readout__bias=False),
        dict(training__steps=5),
        dict(training__batch_size=7),
        dict(training__eval_every=1),
        dict(task__noise=0.1),
    ],
    ids=str,
)
def test_runs_of_different_programs_are_refused(values, run_config):
    with pytest.raises(ValueError, match="share one program"):
        train([run_config(), run_config(**values)])


@pytest.mark.parametrize(
    "values",
    [
        dict(seed=7),
        dict(cell__activation="elu", cell__alpha=0.5),
        dict(cell__negative_slope=0.3),
        dict(optimizer__learning_rate=0.5),
        dict(optimizer__beta1=0.5),
        dict(optimizer__clip_norm=1.0),
        dict(init__recurrent="orthogonal", init__bias_scale=0.0),
        dict(divergence__loss_factor=None, divergence__margin=0.5),
    ],
    ids=str,
)
def test_numbers_of_a_lane_do_not_keep_it_from_a_pack(values, run_config):
    runs = [run_config(), run_config(**values)]
    assert program_key(runs[0]) == program_key(runs[1])
    assert texts(runs) == [texts([run])[0] for run in runs]
