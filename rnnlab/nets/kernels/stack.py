"""Where a stack of layers lies in memory that tensors bring.

There are two memories: the trace, which the forward pass fills and nobody changes afterwards, and the work memory of
the backward pass.  The weights are those of torch.nn.RNN, LSTM and GRU, layer by layer: nets/layout.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from rnnlab.nets.cells import Cell, Weight
from rnnlab.nets.cells.gru import OriginalGruCell
from rnnlab.nets.kernels.layer import Layer
from rnnlab.nets.kernels.library import Whole
from rnnlab.nets.kernels.program import Layout, filled
from rnnlab.nets.kernels.vectors import WIDTH
from rnnlab.nets.layout import layer_shapes, n_summed, source
from rnnlab.nets.network import Architecture


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
        found: dict[str, tuple[int, ...]] = {}
        for n in range(self.L):
            shapes = layer_shapes(self.cell, self.H if n else self.I, self.H, self.bias)
            found |= {f"layer{n}.{name}": shape for name, shape in shapes.items()}
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

    rows: the layers, with the offsets OF_TRACE (sequence.py) into the trace, and all others into the work memory.
    cleared: where the trace begins as zeros, and how many.  doubled: two biases of which the products see the sum, and
    how many numbers.  grads: where the gradients of the products begin and end."""

    def __init__(self, sizes: StackSizes):
        cell, H, B, n_rows = sizes.cell, sizes.H, sizes.B, sizes.T * sizes.B
        a = Architecture(cell, sizes.I, H, 1, sizes.L, sizes.bias, False, sizes.T, "every")
        super().__init__(a, sizes.T, B, keeps_gates=sizes.keeps_gates, keeps_inputs=sizes.keeps_inputs)
        self.offsets, self.n_weights = {}, sizes.n_weights
        shapes, start = sizes.weights(), 0
        for name, shape in shapes.items():
            self.offsets[name] = start
            start += prod(shape)
        n_doubled = H * n_summed(cell)
        pairs = [(self.offsets.get(f"layer{n}.bias_ih"), self.offsets.get(f"layer{n}.bias_hh")) for n in range(sizes.L)]
        self.doubled = [(ih, hh, n_doubled) for ih, hh in pairs if ih is not None and hh is not None]
        H16 = filled(H)
        self._take(self.n_weights)
        self._g, self._below = self._take(n_rows * H16), self._take(n_rows * max(H16, filled(sizes.I)))
        self._step, self._k = self._take(B * 5 * H16), self._take(B * H16)
        self._da = self._take(n_rows * cell.blocks * H16)
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
        tensor, block = source(self.architecture.cell, w, w.gates[gate])
        return self.offsets[f"layer{n}.{tensor}"] + block * w.fan_out * w.fan_in, 1, w.fan_in


class Tables(NamedTuple):
    """A Stack as the kernels read it."""

    trace: int  # sizes in floats
    work: int
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
    doubled = np.array(stack.doubled, np.int64).reshape(-1, 3)
    return Tables(stack.trace, stack.work, layers, cleared, copies, doubled, grads)
