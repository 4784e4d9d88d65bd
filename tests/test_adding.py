"""One new entry of each registry, registered when all else is imported already: chosen, refused, shown, trained.

Each is written as a newcomer would write it: one definition, in one place."""

from dataclasses import dataclass
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from rnnlab.config.help import print_help
from rnnlab.config.parse import from_node
from rnnlab.config.run import defaults
from rnnlab.nets import activations, cells, initializers, losses, optimizers, schedules
from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.nets.cells import CELLS, CellOptions
from rnnlab.nets.cells.base import Cell, elman_weights
from rnnlab.nets.initializers import INITIALIZERS
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.optimizers import OPTIMIZERS, Optimizer, OptimizerOptions
from rnnlab.nets.schedules import SCHEDULES, Schedule
from rnnlab.options import ConfigError, number
from rnnlab.tasks import TASKS, register
from rnnlab.tasks.curves import Curve
from rnnlab.training.construction import backend_of
from rnnlab.training.loop import train

REGISTRIES = (ACTIVATIONS, CELLS, TASKS, INITIALIZERS, OPTIMIZERS, SCHEDULES, LOSSES)


@pytest.fixture(autouse=True)
def _one_of_each():
    @activations.register("example")
    class Bent(Activation):
        """phi(a) = a above 0, else s a / (1 - a);   phi' = 1 above 0, else s / (1 - a)^2"""

        example_slope: float = number(0.5, above=0, at_most=1, about="the slope just below 0")
        source = "an example (2026)"
        largest_slope = 1.0

        def phi(self, a):
            return torch.where(a > 0, a, self.example_slope * a / (1 - a.clamp(max=0)))

        def slope(self, a):
            return torch.where(a > 0, 1.0, self.example_slope / (1 - a.clamp(max=0)).square())

    @cells.register("example")
    class ResidualCell(Cell):
        """h[t] = h[t-1] + phi(x[t] W_ih + h[t-1] W_hh + b)"""

        class Options(CellOptions):
            """Those of all cells."""

        blocks = input_blocks = products = 1
        traces = 3

        @classmethod
        def weights(cls, input_size, hidden_size, bias):
            return elman_weights(input_size, hidden_size, bias)

        def step(self, pre, state, w):
            (h_prev,) = state
            a = pre + h_prev @ w["weight_hh"]
            return (h_prev + self.phi(a),), (h_prev, a)

        def reverse_step(self, gradient, kept, w, grads):
            (g,), (h_prev, a) = gradient, kept
            da = g * self.phi.slope(a)
            grads["weight_hh"] += h_prev.mT @ da
            return da, (g + da @ w["weight_hh"].mT,)

    @register("example")
    @dataclass(frozen=True)
    class Sawtooth(Curve):
        """y(t) = t modulo 1"""

        n_points: int = number(44, at_least=2, about="how many t there are")
        loss = "example"

        @staticmethod
        def curve(t):
            return t % 1

        def baseline_losses(self, data, split):
            return {"naive": 0.25, "persistence": 0.1}

    @initializers.register("example")
    def ternary(generator, fan):
        """-1, 0 or 1, divided by the square root of fan_in"""
        return generator.integers(-1, 2, fan.shape) / np.sqrt(fan.fan_in)

    @optimizers.register("example")
    class Sign(Optimizer):
        """update = learning_rate sign(g) |g|^power"""

        @dataclass(frozen=True)
        class Options(OptimizerOptions):
            power: float = number(0.0, at_least=0, about="of the gradient's size")

        def _build(self):
            self._power = self.column(self.per_lane("power"))

        def _step(self, grads):
            return grads.sign() * grads.abs().pow(self._power) * self._rate_column

    @schedules.register("example")
    class Halving(Schedule):
        """Half of it after every so many updates"""

        half_life: int = number(100, at_least=1, about="updates until the rate is half of what it was")

        def factor(self, t, n_steps):
            return 0.5 ** ((t - 1) / self.half_life)

    @losses.register("example")
    class AbsoluteError(losses.MeanSquaredError):
        """|y - target|, averaged over outputs"""

        def __call__(self, z, target):
            error = self.outputs(z) - target
            return error.abs().sum((1, 2)).double() / z.shape[2], error.sign() / z.shape[2]

    yield
    for registry in REGISTRIES:
        if "example" in registry:
            registry.remove("example")


ALL_NEW = {
    "cell": "example",
    "optimizer": "example",
    "task": "example",
    "cell__activation": "example",
    "cell__example_slope": 0.25,
    "init__recurrent": "example",
    "optimizer__schedule": "example",
    "optimizer__half_life": 2,
}


@pytest.mark.parametrize(
    ("values", "computed_by"),
    [
        ({"cell__activation": "example", "cell__example_slope": 0.25}, "torch"),
        ({"cell": "gru", "cell__gate_activation": "example", "cell__gate_example_slope": 0.9}, "torch"),
        ({"cell": "example", "cell__num_layers": 2}, "torch"),
        ({"task": "example"}, "torch"),
        ({"init__weights": "example"}, "compiled"),
        ({"optimizer": "example", "optimizer__power": 0.5}, "torch"),
        ({"optimizer__schedule": "example"}, "compiled"),
        (ALL_NEW, "torch"),
    ],
    ids=str,
)
def test_a_run_of_it_is_trained_alike_alone_and_in_a_pack(values, computed_by, run_config):
    """With kernels to the last bit; what has only a formula in torch but for rounding."""
    runs = [run_config(seed=seed, **values) for seed in range(3)]
    assert {backend_of(run, "cpu", "auto") for run in runs} == {computed_by}
    for run, together in zip(runs, train(runs), strict=True):
        (alone,) = train([run])
        for name, column in alone.curves.items():
            tolerance = 0 if computed_by == "compiled" else 1e-4
            np.testing.assert_allclose(together.curves[name], column, rtol=tolerance, atol=tolerance)
        assert from_node(run.as_dict()) == run


def test_a_run_is_known_by_what_is_new_in_it(run_config):
    config = run_config(**ALL_NEW).as_dict()
    assert config["cell"].items() >= {"name": "example", "activation": "example", "example_slope": 0.25}.items()
    assert (
        config["optimizer"].items() >= {"name": "example", "power": 0.0, "schedule": "example", "half_life": 2}.items()
    )
    assert config["task"]["name"] == "example"
    runs = [run_config(cell__activation="example", cell__example_slope=slope) for slope in (0.25, 0.5)]
    assert runs[0].run_id != runs[1].run_id
    assert run_config(cell__example_slope=0.25) == run_config(), "tanh has no such parameter"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cell__activation": "exmple"}, "cell.activation: unknown 'exmple'; one of tanh, .*, example .did you mean"),
        (
            {"cell__activation": "example", "cell__example_slope": 2},
            "cell.example_slope: 2.0; must be .* above 0 and at most 1",
        ),
        ({"cell": "exmple"}, "cell: unknown 'exmple'; one of .*, example"),
        ({"task": "exmple"}, "task: unknown 'exmple'; one of .*, example"),
        ({"init__readout": "exmple"}, "init.readout: unknown 'exmple'; one of .*, example"),
        ({"optimizer": "exmple"}, "optimizer: unknown 'exmple'; one of .*, example"),
        ({"optimizer__schedule": "exmple"}, "optimizer.schedule: unknown 'exmple'; one of .*, example"),
        ({"optimizer__half_life": 0}, "optimizer.half_life: 0; must be a finite number at least 1"),
    ],
    ids=str,
)
def test_complaints_list_it_and_its_bounds(values, expected, run_config):
    with pytest.raises(ConfigError, match=expected):
        run_config(**values)


def test_its_options_are_composed_and_shown():
    assert defaults("cell", "example")["example_slope"] == defaults("cell", "lstm")["gate_example_slope"] == 0.5
    assert defaults("optimizer", "example").items() >= {"name": "example", "power": 0.0, "half_life": 100}.items()
    page = StringIO()
    print_help(["cell=example", "task=example", "optimizer=example", "init"], Console(width=300, file=page))
    for words in (
        "of example: the slope just below 0",
        "how many t there are",
        "of the gradient's size",
        ", example",
    ):
        assert words in page.getvalue()


def test_once_it_is_removed_it_cannot_be_chosen(run_config):
    ACTIVATIONS.remove("example")
    with pytest.raises(ConfigError, match="unknown 'example'"):
        run_config(cell__activation="example")
    with pytest.raises(ConfigError, match=r"cell\.example_slope: no such key"):
        run_config(cell__example_slope=0.3)
