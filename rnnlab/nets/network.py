"""What a network is: its sizes, its parameters, and the order in which the parameters lie side by side in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnnlab.nets.cells import Cell, Weight


@dataclass(frozen=True)
class Architecture:
    """The sizes and the kind of cell that all lanes of a pack share."""

    cell: type[Cell]
    input_size: int
    hidden_size: int
    output_size: int
    num_layers: int
    bias: bool
    readout_bias: bool
    seq_len: int
    answers: Literal["last", "every"]
    tokens: bool = False  # inputs are tokens, and input_size is the number of different tokens
    embedding_size: int | None = None  # None: there is no embedding; a token selects a row of the first layer's W_ih

    @property
    def read_size(self) -> int:
        """How many numbers the readout reads at one step."""
        return self.hidden_size if self.num_layers else self.input_size

    @property
    def n_answers(self) -> int:
        """How many steps of a sequence are answered."""
        return self.seq_len if self.answers == "every" else 1

    @property
    def n_recurrent_layers(self) -> int:
        """How many layers have states that depend on earlier steps."""
        return self.num_layers if self.seq_len > 1 and self.cell.recurrent else 0

    def layer_weights(self, layer: int) -> list[Weight]:
        input_size = self.hidden_size if layer else self.embedding_size or self.input_size
        return self.cell.weights(input_size, self.hidden_size, self.bias)

    def weights(self) -> dict[str, Weight]:
        """All parameters by full name, from the input to the output.  Layers count from 0."""
        named = {}
        if self.embedding_size:
            named["embedding.weight"] = Weight("weight", "embedding", self.input_size, self.embedding_size)
        named |= {f"layer{n}.{w.name}": w for n in range(self.num_layers) for w in self.layer_weights(n)}
        named["readout.weight"] = Weight("weight", "readout", self.read_size, self.output_size)
        if self.readout_bias:
            named["readout.bias"] = Weight("bias", "bias", 1, self.output_size)
        return named

    def places(self) -> dict[str, tuple[int, tuple[int, int]]]:
        """Where each parameter begins in a row of P numbers, and its shape, by name in the order of `weights`."""
        found, start = {}, 0
        for name, w in self.weights().items():
            shape = (w.fan_in, len(w.gates) * w.fan_out)
            found[name] = (start, shape)
            start += shape[0] * shape[1]
        return found

    @property
    def n_parameters(self) -> int:
        return sum(rows * columns for _, (rows, columns) in self.places().values())
