"""What all cells have in common as options, and what all cells with gates have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.options import When, member, number, option

HAS_LAYERS = When(("cell.num_layers",), lambda n: n >= 1)
HAS_BIAS = When(("cell.bias",), lambda bias: bias)


@dataclass(frozen=True)
class CellOptions:
    """The options of a cell, and of the layers that it makes up."""

    name: ClassVar[str]
    activation: Activation = member(
        "tanh", ACTIVATIONS, acts=[HAS_LAYERS], about="phi; in a cell with gates, the candidate's"
    )
    # It acts without layers, too: the initializers of the readout know it, and the size of a chunk follows from it.
    hidden_size: int = number(50, at_least=1, about="units of a layer")
    num_layers: int = number(1, at_least=0, about="layers; 0: the readout reads the inputs")
    bias: bool = option(True, acts=[HAS_LAYERS], about="whether the layers have biases")
    dropout: float = number(
        0.0,
        at_least=0,
        below=1,
        acts=[When(("cell.num_layers",), lambda n: n >= 2)],
        about="the share of the states that is set to zero on the way from a layer to the next, in training",
    )
    embedding_size: int | None = number(
        None, at_least=1, about="numbers that stand for a token; null: its one-hot code"
    )

    def check(self) -> None:
        """Raise ConfigError for values that do not fit together."""

    def added_bias(self, gate: str) -> float:
        """What is added to the bias of a gate as it is drawn."""
        return 0.0

    def drawn(self, name: str, generator: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """How a weight of the cell's own begins, of one gate after the other: (fan_in, gates * fan_out) in float64."""
        raise NotImplementedError(f"{self.name} has no weight of its own named {name!r}")


@dataclass(frozen=True)
class GatedOptions(CellOptions):
    """The options of a cell with gates."""

    gate_activation: Activation = member(
        "sigmoid", ACTIVATIONS, prefix="gate_", acts=[HAS_LAYERS], about="the gates' activation"
    )
