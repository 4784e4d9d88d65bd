"""How keys, values and activations of a config are written for a reader, and in which order they stand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

ABSENT = "-"
# The order of activations in tables and figures; those that are not listed follow by alphabet.
ACTIVATIONS = (
    "tanh", "sigmoid", "relu", "leaky_relu", "identity", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "softsign", "hardtanh", "relu6", "sine",
)  # fmt: skip


def written(value: Any) -> str:
    """A config value as one writes it on the command line; "-" for a key that a run does not have or left null."""
    if value is None:
        return ABSENT
    return json.dumps(value) if isinstance(value, bool) else str(value)


def short(key: str, among: Iterable[str]) -> str:
    """The shortest clear name of a key: "optimizer" for optimizer.name, "learning_rate" for optimizer.learning_rate."""
    head, _, tail = key.rpartition(".")
    if tail == "name" and head:
        return head
    clash = any(other != key and other.rpartition(".")[2] == tail for other in among)
    return key if clash or tail == "activation" else tail


def with_parameters(name: str, values: Iterable[Any]) -> str:
    """ "leaky_relu(0.3)"; the name alone where there is no value to tell."""
    words = ", ".join(map(written, values))
    return f"{name}({words})" if words else name


def base_of(label: str) -> str:
    """ "leaky_relu(0.3)" -> "leaky_relu"."""
    return label.partition("(")[0]


def in_order(labels: Iterable[str]) -> list[str]:
    """The labels, each once: in the order of ACTIVATIONS, those of one activation by the size of their parameters."""

    def place(label: str) -> tuple[int, list[float], str]:
        base = base_of(label)
        rank = ACTIVATIONS.index(base) if base in ACTIVATIONS else len(ACTIVATIONS)
        return rank, _numbers(label[len(base) :]), label

    return sorted(set(labels), key=place)


def by_value(value: Any) -> tuple[int, float, str]:
    """A key to sort by: numbers by size, then text by alphabet, then what is not there."""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))


def _numbers(parameters: str) -> list[float]:
    """ "(0.3, 1.0)" -> [0.3, 1.0]; none where one of them is no number."""
    try:
        return [float(word) for word in parameters.strip("()").split(",")]
    except ValueError:
        return []
