"""Where a stack of layers lies in memory that tensors bring.

There are two memories: the trace, which the forward pass fills, and the work memory of the backward pass, which stands
behind a copy of the trace.  The weights are those of torch.nn.RNN, LSTM and GRU, in their shapes, with their gates in
the same order, layer by layer:

    weight_ih (gates * H, I)    weight_hh (gates * H, H)    bias_ih (gates * H)    bias_hh (gates * H)

A cell without recurrence has neither weight_hh nor bias_hh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from rnnlab.nets.cells import Cell, Weight
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels.layer import Layer
from rnnlab.nets.kernels.library import Whole
from rnnlab.nets.kernels.program import COPY, Layout, filled
from rnnlab.nets.kernels.vectors import WIDTH
from rnnlab.nets.network import Architecture

GATES: dict[type[Cell], tuple[str, ...]] = {  # in the order of torch.nn
    RnnCell: ("",),
    MemorylessCell: ("",),
    LstmCell: ("input", "forget", "candidate", "output"),
    GruCell: ("reset", "update", "candidate"),
    OriginalGruCell: ("reset", "update", "candidate"),
}
TENSORS = {"weight_ih": "weight_ih", "weight_hh": "weight_hh", "weight_hn": "weight_hh", "bias": "bias_ih"}
AFTER_TRACE = [Layer._fields.index(name) for name in ("k", "g", "below", "step", "grad0", "grad1", "grad2")]
A, GRAD = Layer._fields.index("a"), COPY.index("grad")


@dataclass(frozen=True)
class StackSizes:
    """keeps_inputs: whether the slope of an activation looks at its input."""

    cell: type[Cell]
    I: int
    H: int
    L: int
    bias: bool
    T: int
    B: int
    keeps_inputs: bool

    def weights(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all weights, by names such as "layer0.bias_ih", in their order."""
        rows, ways = len(GATES[self.cell]) * self.H, ("ih", "hh") if self.cell.recurrent else ("ih",)
        found: dict[str, tuple[int, ...]] = {}
        for n in range(self.L):
            columns = (self.H if n else self.I, self.H)
            found |= {f"layer{n}.weight_{way}": (rows, size) for way, size in zip(ways, columns, strict=False)}
            found |= {f"layer{n}.bias_{way}": (rows,) for way in ways if self.bias}
        return found

    @property
    def keeps_gates(self) -> bool:
        """Without gates, no backward pass looks at the trace `a`."""
        return self.cell.blocks > 1

    @property
    def n_weights(self) -> int:
        return sum(prod(shape) for shape in self.weights().values())


class Stack(Layout):
    """trace, work: the sizes of two memories.  The first row of one are all weights, of the other their gradients.

    rows: the layers, with the offsets AFTER_TRACE into the work memory.  cleared: where the trace begins as zeros, and
    how many.  doubled: two biases of which the products see the sum, and how many numbers.  grads: where the gradients
    of the products begin and end."""

    def __init__(self, sizes: StackSizes):
        cell, H, B, n_rows = sizes.cell, sizes.H, sizes.B, sizes.T * sizes.B
        a = Architecture(cell, sizes.I, H, 1, sizes.L, sizes.bias, False, sizes.T, "every")
        super().__init__(a, sizes.T, B, keeps_gates=sizes.keeps_gates, keeps_inputs=sizes.keeps_inputs)
        self.offsets, self.n_weights = {}, sizes.n_weights
        shapes, start = sizes.weights(), 0
        for name, shape in shapes.items():
            self.offsets[name] = start
            start += prod(shape)
        n_doubled = H * (2 if cell is GruCell else len(GATES[cell]))  # torch's GRU adds the last one's inside the reset
        pairs = [(self.offsets.get(f"layer{n}.bias_ih"), self.offsets.get(f"layer{n}.bias_hh")) for n in range(sizes.L)]
        self.doubled = [(ih, hh, n_doubled) for ih, hh in pairs if ih is not None and hh is not None]
        H16 = filled(H)
        self._take(self.n_weights)
        self._g, self._below = self._take(n_rows * H16), self._take(n_rows * max(H16, filled(sizes.I)))
        self._step, self._k = self._take(B * 5 * H16), self._take(B * H16)
        self.a = self._take(0 if sizes.keeps_gates else n_rows * H16)
        first_grad = self.size
        self._grads_of = [self._take_products(n) for n in range(sizes.L)]
        self.work, self.grads = self.size, (first_grad, self.size)
        self.size = 0
        self._take(self.n_weights)
        self.rows = [Layer(*self._layer(n)) for n in range(sizes.L)]
        self.trace, self.copies = self.size, self._copies
        self.cleared = [(self.n_weights // WIDTH * WIDTH, WIDTH)] if self.n_weights % WIDTH else []
        for layer in self.rows:
            self.cleared.append((layer.panel0, layer.z - layer.panel0))
            if cell is OriginalGruCell:  # which has as much room as an LSTM's T + 1 states, for T
                self.cleared.append((layer.c + n_rows * H16, B * H16))
            if sizes.keeps_inputs:
                self.cleared.append((layer.kept, n_rows * cell.blocks * H16))

    def _place(self, n: int, w: Weight, gate: int) -> tuple[int, int, int]:
        tensor, name = TENSORS[w.name], w.gates[gate]
        if name == "recurrent_candidate":  # torch's GRU: the columns of the candidate in what belongs to h
            tensor, name = tensor.replace("ih", "hh"), "candidate"
        block = GATES[self.architecture.cell].index(name)
        return self.offsets[f"layer{n}.{tensor}"] + block * w.fan_out * w.fan_in, 1, w.fan_in


class Tables(NamedTuple):
    """A Stack as the kernels read it, with the work memory behind the trace."""

    trace: int  # sizes in floats
    memory: int
    layers: Whole  # (L, N_FIELDS)
    cleared: Whole  # (n, 2)
    copies: Whole  # (n, len(COPY))
    doubled: Whole  # (n, 3)
    grads: Whole  # (2,)


@lru_cache(maxsize=256)
def tables(sizes: StackSizes) -> Tables:
    """They follow from the sizes alone."""
    stack = Stack(sizes)
    layers, cleared, copies, grads = (
        np.array(each, np.int64) for each in (stack.rows, stack.cleared, stack.copies, stack.grads)
    )
    layers[:, AFTER_TRACE] += stack.trace
    if not sizes.keeps_gates:
        layers[:, A] = stack.trace + stack.a
    copies[:, GRAD] += np.where(copies[:, GRAD] >= 0, stack.trace, 0)
    doubled = np.array(stack.doubled, np.int64).reshape(-1, 3)
    return Tables(stack.trace, stack.trace + stack.work, layers, cleared, copies, doubled, grads + stack.trace)
