"""The config of an old record as it would be written today, so that one run has one config.

Keys that stand in the configs of old records without acting are left out when a record is read.

A config holds the keys that act, and no others.  Records from before that rule hold every key of every section: a tanh
network has a negative_slope, a network of one layer a dropout between layers.  Without these keys an old record and a
new one of the same run have the same config.  What old records did not state, because there was one way, is stated
where there are two today: their curves held nothing back, and their series forecast the last step of a horizon alone.
All rules hold for new records, too, and find nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Config = Mapping[str, Any]  # flat, keys with dots

# The activations of that time, each with those of its parameters that acted.  In old records a cell's gates share the
# keys of these parameters with the cell; in new ones the gates have keys of their own, cell.gate_<parameter>.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "tanh": (), "sigmoid": (), "relu": (), "leaky_relu": ("negative_slope",), "identity": (), "elu": ("alpha",),
    "selu": (), "celu": ("alpha",), "gelu": (), "silu": (), "mish": (), "softplus": (), "softsign": (), "hardtanh": (),
    "relu6": (), "sine": (),
}  # fmt: skip
INTERLEAVED = ("sines", "sinc")  # the curves of that time
ALL_PARAMETERS = tuple(dict.fromkeys(name for names in PARAMETERS.values() for name in names))

# Of which part of a network a key says something, and when that part is not there.
OF_LAYERS = (
    *("cell.activation", "cell.gate_activation", "cell.bias", "cell.forget_bias", "cell.reset_after"),
    *(f"cell.{gate}{name}" for gate in ("", "gate_") for name in ALL_PARAMETERS),
    *("init.input", "init.input_scale"),
)
OF_RECURRENCE = ("init.recurrent", "init.recurrent_scale")


def _has_layers(config: Config) -> bool:
    return bool(config.get("cell.num_layers", 1) >= 1)


def _has_a_bias(config: Config) -> bool:
    return bool((config.get("cell.bias", True) and _has_layers(config)) or config.get("readout.bias", True))


IDLE: tuple[tuple[tuple[str, ...], Callable[[Config], bool]], ...] = (
    ((*OF_LAYERS, *OF_RECURRENCE), lambda config: not _has_layers(config)),
    (("cell.dropout",), lambda config: config.get("cell.num_layers", 2) < 2),
    (("cell.forget_bias",), lambda config: config.get("cell.bias") is False),
    (OF_RECURRENCE, lambda config: config.get("cell.name") == "memoryless"),
    (("init.embedding", "init.embedding_scale"), lambda config: config.get("cell.embedding_size") is None),
    (("init.input", "init.recurrent", "init.readout"), lambda config: config.get("init.weights") is not None),
    (("init.bias", "init.bias_scale"), lambda config: not _has_a_bias(config)),
    (("optimizer.step_every", "optimizer.step_factor"), lambda config: config.get("optimizer.schedule") != "step"),
    (("training.stop_at_loss",), lambda config: config.get("training.eval_every") is None),
    (("task.valid_fraction", "task.test_fraction"), lambda config: config.get("task.valid_path") is not None),
)


def acting(config: Config) -> dict[str, Any]:
    """The config without the keys that do not act; the parameters of gates under the keys of new records, the split of
    curves and the steps that a series forecasts stated."""
    found = dict(config)
    for name in PARAMETERS.get(config.get("cell.gate_activation", ""), ()):
        if f"cell.{name}" in config:
            found.setdefault(f"cell.gate_{name}", config[f"cell.{name}"])
    if config.get("task.name") in INTERLEAVED:
        found.setdefault("task.split", "interleaved")
    if config.get("task.name") == "series" and config.get("task.horizon", 1) > 1:
        found.setdefault("task.forecast", "last_step")
    activation = config.get("cell.activation", "")
    idle = [key for keys, is_idle in IDLE if is_idle(config) for key in keys]
    if activation in PARAMETERS:
        idle += [f"cell.{name}" for name in ALL_PARAMETERS if name not in PARAMETERS[activation]]
    return {key: value for key, value in found.items() if key not in idle}
