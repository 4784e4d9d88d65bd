"""The plain backend against the same numbers from a plain loop with autograd and torch.optim, lane by lane."""

import math
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnlab.nets.activations import Activation, make_activation
from rnnlab.nets.backends.base import LaneRecipe, Order, Recipe, Samples, Updates
from rnnlab.nets.backends.plain import PlainBackend
from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.reference import forward

T, I, H, O, N = 4, 3, 5, 2, 21
B, CHUNK, STEPS = 9, 4, 6  # a batch is computed in three chunks, the last of one sample
SMALL = Architecture(RnnCell, I, H, O, 2, True, True, T, "every")
LAST = replace(SMALL, answers="last")
TOKENS = replace(SMALL, input_size=7, output_size=7, tokens=True)
EVERY_CELL = [*CELLS.values(), OriginalGruCell]
LANES, GATES = ("tanh", "silu", "leaky_relu"), ("sigmoid", "softsign", "sigmoid")
EXACT = dict(rtol=1e-10, atol=1e-12)


def make(reference, architecture, *, lanes=LANES, own=({}, {}, {}), limits=None, dtype=torch.float64, **recipe):
    """A backend with random weights.  own: the optimiser's options, lane by lane."""
    known = dict(loss="mse", readout="linear", optimizer="sgd", n_steps=STEPS, batch_size=B, chunk=CHUNK)
    shared = Recipe(architecture=architecture, **known | recipe)
    options = OPTIMIZERS[shared.optimizer].Options
    recipes = [
        LaneRecipe(
            make_activation(lane) if isinstance(lane, str) else lane,
            options(**numbers),
            make_activation(gate),
            math.inf if limits is None else limits[n],
        )
        for n, (lane, gate, numbers) in enumerate(zip(lanes, GATES, own, strict=False))
    ]
    backend = PlainBackend(shared, recipes, dtype=dtype)
    backend.set_weights(reference.random_weights(architecture, len(recipes)))
    return backend


def samples(architecture, loss="mse", n=N, seed=1):
    rng = np.random.default_rng(seed)
    a, A = architecture, architecture.seq_len if architecture.answers == "every" else 1
    inputs = rng.integers(a.input_size, size=(n, T)) if a.tokens else rng.normal(size=(n, a.seq_len, a.input_size))
    targets = rng.normal(size=(n, A, a.output_size)) if loss == "mse" else rng.integers(a.output_size, size=(n, A))
    return Samples(*(x.astype(np.float32) if x.dtype.kind == "f" else x for x in (inputs, targets)))


def updates(architecture, data, *, n=STEPS, lanes=3, first=1, carries=False, drops=False, noise=0.0, seed=2):
    rng = np.random.default_rng(seed)
    begins = np.arange(n) % 3 == 0 if carries else np.ones(n, dtype=bool)
    rows = rng.integers(len(data.inputs), size=(lanes, n, B))
    L, A = architecture.num_layers, data.targets.shape[1]
    read = architecture.read_size
    shapes = [(lanes, n, T, B, H)] * (L - 1) + [(lanes, n, A, B, read)]
    keep = [(rng.random(shape) >= 0.3).astype(np.float32) / 0.7 for shape in shapes] if drops else None
    drawn = noise * rng.normal(size=(lanes, n, architecture.n_parameters)) if noise else None
    return Updates(data, rows, first, begins, np.ones(lanes, dtype=bool), keep, drawn)


def part(all_updates, start, stop):
    """The updates from number start + 1 up to number stop."""
    u, some = all_updates, slice(start, stop)
    return replace(
        u,
        rows=u.rows[:, some],
        first=u.first + start,
        begins=u.begins[some],
        keep=u.keep and [factors[:, some] for factors in u.keep],
        noise=None if u.noise is None else u.noise[:, some],
    )


def of_lane(all_updates, lane):
    u, own = all_updates, slice(lane, lane + 1)
    keep = u.keep and [factors[own] for factors in u.keep]
    return replace(u, rows=u.rows[own], live=u.live[own], keep=keep, noise=None if u.noise is None else u.noise[own])


TORCH_OPTIMIZERS = {
    "sgd": lambda w, o, **n: torch.optim.SGD(w, momentum=o.momentum, **n),
    "nesterov": lambda w, o, **n: torch.optim.SGD(w, momentum=o.momentum, nesterov=True, **n),
    "adagrad": lambda w, o, **n: torch.optim.Adagrad(w, eps=o.eps, **n),
    "rmsprop": lambda w, o, **n: torch.optim.RMSprop(w, alpha=o.decay, eps=o.eps, **n),
    "adadelta": lambda w, o, **n: torch.optim.Adadelta(w, rho=o.rho, eps=o.eps, **n),
    "adam": lambda w, o, **n: torch.optim.Adam(w, betas=(o.beta1, o.beta2), eps=o.eps, **n),
    "adamw": lambda w, o, **n: torch.optim.AdamW(w, betas=(o.beta1, o.beta2), eps=o.eps, **n),
}


class PlainLoop:
    """One lane by autograd, with the activations in the words of their papers."""

    def __init__(self, backend, lane, reference):
        self.recipe, self.own, self.reference = backend.recipe, backend.lanes[lane], reference
        self.a, self.lane = backend.recipe.architecture, lane
        self.weights = reference.lane_weights(self.a, backend.weights()[lane])
        self.carried = None

    def forward(self, inputs, **options):
        """inputs (B, T, ...) -> z (B, A, O), and the states [n][t]"""
        x = torch.tensor(inputs).transpose(0, 1)
        x = x.double() if x.is_floating_point() else F.one_hot(x, self.a.input_size).double()
        written = (self.reference.Written(phi) for phi in (self.own.activation, self.own.gate_activation))
        found = forward(self.a.cell(*written), self.weights, list(x), answers=self.a.answers, **options)
        return found.z.transpose(0, 1) if self.a.answers == "every" else found.z[:, None], found.states

    def loss(self, z, targets):
        target = torch.tensor(targets)
        if self.recipe.loss == "mse":
            return F.mse_loss(z, target.double())
        return F.cross_entropy(z.flatten(0, 1), target.flatten())

    def row(self):
        return torch.cat([w.detach().flatten() for w in self.weights.values()]).numpy()

    def gradients(self, all_updates, k):
        """The loss of update k, and the states; the gradients are in the weights."""
        u, lane = all_updates, self.lane
        rows = u.rows[lane, k]
        keep = u.keep and [torch.tensor(factors[lane, k]).double() for factors in u.keep]
        if keep and self.a.answers == "last":
            keep[-1] = keep[-1][0]
        initial = None if u.begins[k] else self.carried
        z, states = self.forward(u.samples.inputs[rows], initial=initial, keep=keep)
        loss = self.loss(z, u.samples.targets[rows])
        for w in self.weights.values():
            w.grad = None
        for h in (state[0] for layer in states for state in layer):
            h.retain_grad()
        loss.backward()
        for w in self.weights.values():
            w.grad = torch.zeros_like(w) if w.grad is None else w.grad
        self.carried = [tuple(state.detach() for state in layer[-1]) for layer in states]
        return loss.item(), states

    def train(self, all_updates):
        """By update: loss, norm of the gradient, whether it was clipped."""
        o, parameters, found = self.own.optimizer, list(self.weights.values()), []
        numbers = dict(lr=o.learning_rate, weight_decay=o.weight_decay)
        optimizer = TORCH_OPTIMIZERS[self.recipe.optimizer](parameters, o, **numbers)
        clip_norm, clip_value = (math.inf if limit is None else limit for limit in (o.clip_norm, o.clip_value))
        for k in range(all_updates.rows.shape[1]):
            loss, _ = self.gradients(all_updates, k)
            norm = torch.nn.utils.clip_grad_norm_(parameters, clip_norm).item()
            largest = max(w.grad.abs().max().item() for w in parameters)
            torch.nn.utils.clip_grad_value_(parameters, clip_value)
            if all_updates.noise is not None:
                noise = torch.tensor(all_updates.noise[self.lane, k])
                for w, drawn in zip(parameters, noise.split([w.numel() for w in parameters]), strict=True):
                    w.grad += drawn.reshape(w.shape)
            for group in optimizer.param_groups:
                group["lr"] = o.rate(all_updates.first + k, self.recipe.n_steps)
            optimizer.step()
            found.append((loss, norm, norm > clip_norm or largest > clip_value))
        return found


CLIPPED = ({"clip_norm": 0.3}, {"clip_value": 0.02}, {"clip_norm": 0.3, "clip_value": 0.02, "learning_rate": 0.1})
CASES = {f"{cell.name} {a.answers}": (replace(a, cell=cell), {}, {}) for cell in EVERY_CELL for a in (SMALL, LAST)}
CASES |= {name: (SMALL, {"optimizer": name}, {}) for name in TORCH_OPTIMIZERS}
CASES |= {
    "classes": (LAST, {"loss": "cross_entropy"}, {}),
    "tokens": (replace(TOKENS, cell=LstmCell), {"loss": "cross_entropy"}, {}),
    "embedding": (replace(TOKENS, cell=GruCell, embedding_size=4), {"loss": "cross_entropy"}, {}),
    "stream": (replace(TOKENS, cell=LstmCell), {"loss": "cross_entropy", "carries": True}, {"carries": True}),
    "dropout": (replace(SMALL, num_layers=3), {}, {"drops": True}),
    "dropout before the last answer": (LAST, {}, {"drops": True}),
    "noise": (SMALL, {"optimizer": "adam"}, {"noise": 0.1}),
    "clipping": (SMALL, {"own": CLIPPED}, {}),
    "weight decay": (SMALL, {"optimizer": "adamw", "own": tuple({"weight_decay": d} for d in (0, 0.1, 0.3))}, {}),
    "warm-up": (SMALL, {"own": ({"warmup_steps": 4}, {}, {"warmup_steps": 2})}, {}),
    "no bias": (replace(SMALL, bias=False, readout_bias=False), {}, {}),
    "no layers": (replace(SMALL, num_layers=0), {}, {"drops": True}),
    "one step": (replace(LAST, seq_len=1, cell=MemorylessCell), {}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_training_equals_a_plain_loop(case, reference):
    architecture, recipe, drawn = CASES[case]
    backend = make(reference, architecture, **recipe)
    loops = [PlainLoop(backend, lane, reference) for lane in range(3)]
    data = samples(architecture, backend.recipe.loss)
    todo = updates(architecture, data, **drawn)
    taken = backend.train(todo, recording=False)
    assert taken.n_taken.tolist() == [STEPS] * 3
    assert taken.reasons.tolist() == [0, 0, 0]
    for lane, loop in enumerate(loops):
        found = loop.train(todo)
        np.testing.assert_allclose(backend.weights()[lane], loop.row(), rtol=1e-8, atol=1e-10)
        assert taken.losses[lane] == pytest.approx(found[-1][0], rel=1e-9)
        assert taken.grad_norms[lane] == pytest.approx(found[-1][1], rel=1e-8)
        assert taken.n_clipped[lane] == sum(clipped for _, _, clipped in found)
    if case == "clipping":
        assert taken.n_clipped.min() > 0


@pytest.mark.parametrize("case", ["lstm every", "adam", "stream", "dropout", "noise", "warm-up"])
def test_updates_one_by_one_with_saved_states_between_them_are_the_same_bits(case, reference):
    architecture, recipe, drawn = CASES[case]
    whole = make(reference, architecture, **recipe, dtype=torch.float32)
    todo = updates(architecture, samples(architecture, whole.recipe.loss), **drawn)
    piece = whole.select([0, 1, 2])
    whole.train(todo, recording=False)
    for start in range(STEPS):
        piece.train(part(todo, start, start + 1), recording=start == 2)
        weights, state = piece.weights(), piece.state()
        piece = make(reference, architecture, **recipe, dtype=torch.float32)
        piece.set_weights(weights)
        piece.set_state(state)
    assert piece.weights().dtype == np.float32
    assert piece.weights().tobytes() == whole.weights().tobytes()
    for name, values in whole.state().items():
        assert piece.state()[name].tobytes() == values.tobytes(), name


def test_the_states_that_are_carried_are_the_last_ones_of_every_layer(reference):
    architecture, recipe, drawn = CASES["stream"]
    backend = make(reference, architecture, **recipe)
    loops = [PlainLoop(backend, lane, reference) for lane in range(3)]
    todo = updates(architecture, samples(architecture, "cross_entropy"), **drawn)
    backend.train(todo, recording=False)
    carried = backend.state()["carried"]
    assert carried.shape == (3, 2, 2, B, H)
    for lane, loop in enumerate(loops):
        loop.train(todo)
        expected = torch.stack([torch.stack(layer) for layer in loop.carried]).numpy()
        np.testing.assert_allclose(carried[lane], expected, **EXACT)
    assert "carried" not in make(reference, architecture, loss="cross_entropy").state()


def test_a_lane_alone_has_its_numbers_of_the_pack_but_for_rounding(reference):
    for cell in EVERY_CELL:
        architecture = replace(SMALL, cell=cell)
        backend = make(reference, architecture, optimizer="adam")
        alone = [backend.select([lane]) for lane in range(3)]
        todo = updates(architecture, samples(architecture))
        backend.train(todo, recording=False)
        for lane, single in enumerate(alone):
            single.train(of_lane(todo, lane), recording=False)
            np.testing.assert_allclose(single.weights()[0], backend.weights()[lane], rtol=1e-9, atol=1e-12)


def test_selected_lanes_are_copies_in_the_given_order(reference):
    backend = make(reference, SMALL, optimizer="adam")
    todo = updates(SMALL, samples(SMALL))
    backend.train(todo, recording=False)
    chosen = backend.select([2, 0])
    assert [lane.activation.name for lane in chosen.lanes] == ["leaky_relu", "tanh"]
    before, state = backend.weights(), backend.state()
    np.testing.assert_array_equal(chosen.weights(), before[[2, 0]])
    for name, values in chosen.state().items():
        np.testing.assert_array_equal(values, state[name][[2, 0]])
    chosen.set_weights(0 * chosen.weights())
    np.testing.assert_array_equal(backend.weights(), before)


def test_a_new_backend_is_all_zero(reference):
    recipe = make(reference, SMALL, optimizer="adam").recipe
    backend = PlainBackend(recipe, [LaneRecipe(make_activation("tanh"), OPTIMIZERS["adam"].Options())])
    assert backend.weights().shape == (1, SMALL.n_parameters)
    assert list(backend.state()) == ["mean", "square_average"]
    assert not backend.weights().any()
    assert not any(values.any() for values in backend.state().values())


# Divergence


class Steep(Activation):
    """phi(a) = tanh(a) with a slope that is infinite, so that only the gradient is not finite."""

    range = (-1.0, 1.0)
    largest_slope = slope_at_0 = math.inf

    def phi(self, a):
        return torch.tanh(a)

    def slope(self, a):
        return torch.full_like(a, math.inf)


DIVERGING = {  # what is done to lane 1, and the number of the reason
    "loss": (1, lambda weights, noise: weights.__setitem__(1, 1e200)),
    "limit": (2, lambda weights, noise: None),
    "gradient": (3, lambda weights, noise: None),
    "update": (4, lambda weights, noise: noise.__setitem__((1, 2, 0), math.inf)),
}


@pytest.mark.parametrize("kind", DIVERGING)
def test_a_lane_that_diverges_keeps_its_weights_and_leaves_its_neighbours_unchanged(kind, reference):
    """By noise at the third update, else at the first one."""
    reason, spoil = DIVERGING[kind]
    lanes = ("tanh", Steep() if kind == "gradient" else "relu", "gelu")
    limits = (math.inf, 1e-9 if kind == "limit" else math.inf, math.inf)
    backend = make(reference, SMALL, lanes=lanes, limits=limits, optimizer="adam")
    todo = updates(SMALL, samples(SMALL), noise=0.01)
    weights = backend.weights()
    spoil(weights, todo.noise)
    backend.set_weights(weights)
    neighbours = backend.select([0, 2])
    healthy = backend.select([1])
    taken = backend.train(todo, recording=True)
    assert taken.reasons.tolist() == [0, reason, 0]
    n_taken = 2 if kind == "update" else 0
    assert taken.n_taken.tolist() == [STEPS, n_taken, STEPS]
    assert np.isfinite(taken.losses[1]) == (kind != "loss")
    assert np.isfinite(taken.grad_norms[1]) == (kind in ("limit", "update"))
    if n_taken:
        healthy.train(of_lane(part(todo, 0, n_taken), 1), recording=False)
    np.testing.assert_allclose(backend.weights()[1], healthy.weights()[0], **EXACT)
    others = replace(todo, rows=todo.rows[[0, 2]], live=todo.live[[0, 2]], noise=todo.noise[[0, 2]])
    found = neighbours.train(others, recording=True)
    np.testing.assert_allclose(backend.weights()[[0, 2]], neighbours.weights(), **EXACT)
    for name, values in found.measured.items():
        np.testing.assert_allclose(taken.measured[name][[0, 2]], values, rtol=1e-9, err_msg=name)


def test_a_lane_that_is_not_live_stays_as_it_is_to_the_last_bit(reference):
    architecture, recipe, drawn = CASES["stream"]
    backend = make(reference, architecture, optimizer="adam", **recipe)
    todo = updates(architecture, samples(architecture, "cross_entropy"), **drawn)
    backend.train(part(todo, 0, 2), recording=False)
    weights, state = backend.weights(), backend.state()
    rest = replace(part(todo, 2, STEPS), live=np.array([True, False, True]))
    taken = backend.train(rest, recording=False)
    assert taken.n_taken.tolist() == [STEPS - 2, 0, STEPS - 2]
    assert backend.weights()[1].tobytes() == weights[1].tobytes()
    assert (backend.weights()[[0, 2]] != weights[[0, 2]]).any(axis=1).all()
    for name, values in backend.state().items():
        assert values[1].tobytes() == state[name][1].tobytes(), name
        assert (values[[0, 2]] != state[name][[0, 2]]).any(), name


# Diagnostics


class Listening:
    """phi in the words of its paper, with a list of its arguments."""

    def __init__(self, written):
        self.written, self.heard = written, []

    def __call__(self, a):
        self.heard.append(a.detach())
        return self.written(a)


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
def test_what_is_measured_equals_a_count_unit_by_unit(cell, answers, reference):
    """At the last update, with the weights before it: the states of its last chunk, and the gradients of the batch."""
    architecture = replace(SMALL, cell=cell, answers=answers)
    backend = make(reference, architecture, lanes=("tanh", "relu", "hardtanh"), own=({"clip_norm": 1e-3},) * 3)
    backend.set_weights(4 * backend.weights())  # so that units saturate and relus die
    todo = updates(architecture, samples(architecture))
    backend.train(part(todo, 0, STEPS - 1), recording=False)
    loops = [PlainLoop(backend, lane, reference) for lane in range(3)]
    last = part(todo, STEPS - 1, STEPS)
    taken = backend.train(last, recording=True)
    assert taken.through_time is None if cell is MemorylessCell else taken.through_time.shape == (3, 2, T)
    for lane, loop in enumerate(loops):
        _, states = loop.gradients(last, 0)
        layers = ("layer0", "layer1", "readout")
        for layer in layers:
            own = [w.grad.flatten() for name, w in loop.weights.items() if name.startswith(layer)]
            norm = torch.cat(own).norm().item()
            assert taken.measured[f"grad_norm_{layer}"][lane] == pytest.approx(norm, rel=1e-8, abs=1e-12)
        if taken.through_time is not None:
            norms = [[0 if s[0].grad is None else s[0].grad.norm().item() for s in layer] for layer in states]
            np.testing.assert_allclose(taken.through_time[lane], norms, rtol=1e-8, atol=1e-12)
        activation = backend.lanes[lane].activation
        phi = Listening(reference.Written(activation))
        x = torch.tensor(last.samples.inputs[last.rows[lane, 0, 2 * CHUNK :]]).double().transpose(0, 1)
        gate = reference.Written(backend.lanes[lane].gate_activation)
        passed = forward(cell(phi, gate), loop.weights, list(x), answers=answers)
        heard = phi.heard[::2] if cell is LstmCell else phi.heard  # the second call of an LSTM's step is phi(c)
        for n in range(2):
            slopes = activation.slope(torch.stack(heard[n * T : (n + 1) * T])).abs()  # (T, B, H)
            small = (slopes < 0.1 * activation.largest_slope).double().mean().item()
            assert taken.measured[f"saturated_frac_layer{n}"][lane] == pytest.approx(small)
            dead = np.mean([bool((slopes[:, :, unit] == 0).all()) for unit in range(H)])
            assert taken.measured[f"dead_frac_layer{n}"][lane] == pytest.approx(dead)
            norms = [h.norm().item() for state in passed.states[n] for h in state[0].detach()]
            assert taken.measured[f"hidden_norm_layer{n}"][lane] == pytest.approx(np.mean(norms), rel=1e-9)
    assert taken.measured["saturated_frac_layer0"][0] > 0
    names = {
        f"{name}_layer{n}" for n in range(2) for name in ("hidden_norm", "saturated_frac", "dead_frac", "grad_norm")
    }
    assert set(taken.measured) == names | {"grad_norm_readout"}


def test_an_embedding_has_a_gradient_norm_of_its_own_and_no_layers_have_no_states(reference):
    architecture = replace(TOKENS, embedding_size=4)
    backend = make(reference, architecture, loss="cross_entropy")
    measured = backend.train(updates(architecture, samples(architecture, "cross_entropy")), recording=True).measured
    assert "grad_norm_embedding" in measured
    architecture = replace(SMALL, num_layers=0)
    taken = make(reference, architecture).train(updates(architecture, samples(architecture)), recording=True)
    assert set(taken.measured) == {"grad_norm_readout"}
    assert taken.through_time is None


def test_measuring_changes_no_bit(reference):
    todo = updates(SMALL, samples(SMALL))
    found = []
    for recording in (False, True):
        backend = make(reference, SMALL, optimizer="adam", dtype=torch.float32)
        taken = backend.train(todo, recording=recording)
        assert bool(taken.measured) == recording
        found.append(backend.weights().tobytes())
    assert found[0] == found[1]


# Evaluation

EVALUATED = {f"{cell.name} {a.answers}": replace(a, cell=cell) for cell in EVERY_CELL for a in (SMALL, LAST)}


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("kind", EVALUATED)
def test_losses_are_the_mean_over_the_samples_in_order(kind, loss, reference):
    """Each lane reads other rows, in chunks of 8, 8 and 3 samples."""
    architecture = EVALUATED[kind]
    backend, data = make(reference, architecture, loss=loss), samples(architecture, loss)
    rows = np.stack([np.random.default_rng(lane).permutation(N)[:19] for lane in range(3)])
    order = Order(np.pad(rows, ((0, 0), (0, 5))).reshape(3, 3, 8), np.array([8, 8, 3]))
    found = backend.losses(data, order)
    assert found.dtype == np.float64
    for lane in range(3):
        loop = PlainLoop(backend, lane, reference)
        z, _ = loop.forward(data.inputs[rows[lane]])
        assert found[lane] == pytest.approx(loop.loss(z, data.targets[rows[lane]]).item(), rel=1e-9)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
def test_the_loss_of_streams_is_that_of_long_sequences(cell, reference):
    """Three streams of 3, 3 and 2 windows."""
    architecture = replace(TOKENS, cell=cell)
    backend = make(reference, architecture, loss="cross_entropy")
    stream = np.random.default_rng(3).integers(7, size=8 * T + 1)
    data = Samples(stream[:-1].reshape(8, T), stream[1:].reshape(8, T))
    rows = np.array([[0, 3, 6], [1, 4, 7], [2, 5, 0]])[None].repeat(3, axis=0)
    order = Order(rows, np.array([3, 3, 2]), carries=True)
    found = backend.losses(data, order)
    assert backend.losses(data, order).tolist() == found.tolist(), "each time from a state of zero"
    for lane in range(3):
        loop, losses = PlainLoop(backend, lane, reference), []
        for start, stop in ((0, 3), (3, 6), (6, 8)):
            z, _ = loop.forward(data.inputs[start:stop].reshape(1, -1))
            target = torch.tensor(data.targets[start:stop].reshape(-1))
            losses.append(F.cross_entropy(z[0], target, reduction="none"))
        assert found[lane] == pytest.approx(torch.cat(losses).mean().item(), rel=1e-9)


def test_training_on_streams_does_not_change_where_evaluation_begins(reference):
    architecture, recipe, drawn = CASES["stream"]
    backend, data = make(reference, architecture, **recipe), samples(architecture, "cross_entropy")
    backend.train(updates(architecture, data, **drawn), recording=False)
    order = Order(np.arange(8)[None, None].repeat(3, axis=0), np.array([8]))
    rows = np.arange(8)[None].repeat(3, axis=0)
    for lane in range(3):
        loop = PlainLoop(backend, lane, reference)
        z, _ = loop.forward(data.inputs[:8])
        assert backend.losses(data, order)[lane] == pytest.approx(loop.loss(z, data.targets[:8]).item(), rel=1e-9)
        np.testing.assert_allclose(backend.outputs(data, rows)[lane], z.detach().numpy(), **EXACT)


@pytest.mark.parametrize("readout", ["linear", "softmax", "sigmoid", "relu", "tanh"])
@pytest.mark.parametrize("answers", ["last", "every"])
def test_outputs_are_those_of_the_samples_in_order(answers, readout, reference):
    architecture = replace(SMALL, answers=answers, output_size=3, cell=GruCell)
    backend, data = make(reference, architecture, readout=readout), samples(architecture)
    rows = np.stack([np.random.default_rng(lane).permutation(N)[:10] for lane in range(3)])
    found = backend.outputs(data, rows)
    assert found.shape == (3, 10, T if answers == "every" else 1, 3)
    function = {"linear": lambda z: z, "softmax": lambda z: z.softmax(-1)}.get(readout) or getattr(torch, readout)
    for lane in range(3):
        z, _ = PlainLoop(backend, lane, reference).forward(data.inputs[rows[lane]])
        np.testing.assert_allclose(found[lane], function(z).detach().numpy(), **EXACT)


@pytest.mark.parametrize("readout", ["linear", "tanh"])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
@pytest.mark.parametrize(("num_layers", "seq_len"), [(1, 1), (2, 4), (0, 3)])
def test_a_closed_loop_equals_forecasting_window_by_window(cell, num_layers, seq_len, readout, reference):
    architecture = replace(LAST, cell=cell, num_layers=num_layers, seq_len=seq_len, input_size=2)
    backend = make(reference, architecture, readout=readout)
    windows = np.random.default_rng(5).normal(size=(3, seq_len, 2)).astype(np.float32)
    found = backend.closed_loop(windows, 9)
    assert found.shape == (3, 9, 2)
    for lane in range(3):
        loop, window = PlainLoop(backend, lane, reference), windows[lane].astype(np.float64)
        for step in range(9):
            z = loop.forward(window[None])[0].detach().numpy()[0, 0]
            said = np.tanh(z) if readout == "tanh" else z
            np.testing.assert_allclose(found[lane, step], said, rtol=1e-9, atol=1e-9)
            window = np.concatenate([window[1:], said[None]])


def test_a_closed_loop_of_no_steps_is_empty(reference):
    backend = make(reference, replace(LAST, input_size=2))
    assert backend.closed_loop(np.zeros((3, T, 2), np.float32), 0).shape == (3, 0, 2)


@pytest.mark.parametrize("change", [{"output_size": 1}, {"answers": "every"}], ids=str)
def test_a_closed_loop_is_refused_if_outputs_cannot_be_inputs(change, reference):
    backend = make(reference, replace(LAST, input_size=2, **change))
    with pytest.raises(ValueError, match="closed loop"):
        backend.closed_loop(np.zeros((3, T, 2), np.float32), 4)


# The settings of torch


class Boom(Activation):
    def phi(self, a):
        raise RuntimeError("boom")


def test_after_a_failure_torch_is_as_it_was(reference):
    backend = make(reference, SMALL, lanes=("tanh", Boom(), "tanh"))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="boom"):
            backend.train(updates(SMALL, samples(SMALL)), recording=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert not torch.is_inference_mode_enabled()
    assert (torch.full((4,), 1e-40) * 1.0 != 0).all(), "numbers below the normal range must count again"


def test_numbers_below_the_normal_range_count_as_zero(reference):
    """An identity network that multiplies by 1e-20 at each step: the answer would be 1e-40."""
    architecture = Architecture(RnnCell, 1, 1, 1, 1, False, False, 2, "last")
    recipe = make(reference, architecture).recipe
    backend = PlainBackend(recipe, [LaneRecipe(make_activation("identity"), OPTIMIZERS["sgd"].Options())])
    backend.set_weights(np.array([[1e-20, 1e-20, 1.0]], np.float32))
    data = Samples(np.array([[[1.0], [0.0]]], np.float32), np.zeros((1, 1, 1), np.float32))
    assert backend.outputs(data, np.zeros((1, 1), np.int64)).item() == 0
