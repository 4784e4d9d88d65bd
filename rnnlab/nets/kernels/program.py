"""From an architecture to the tables that the kernels read: where in memory everything lies.

A cell multiplies its rows [x | 1 | h] by matrices that are put together from its weights; `PRODUCTS` says which blocks
of pre-activations each product computes, and from which part of the rows.  A copy takes one gate's columns of one
weight to their place in such a matrix, and the gradient back.
"""

from __future__ import annotations

import numpy as np

from rnnlab.nets.cells import Cell, Weight
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.indrnn import IndRnnCell
from rnnlab.nets.cells.layer_norm import LayerNormCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.mgu import MguCell
from rnnlab.nets.cells.mingru import MinGruCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.kernels.layer import N_FIELDS, Lanes, Layer, Sizes
from rnnlab.nets.kernels.vectors import WIDTH
from rnnlab.nets.network import Architecture

# Each product: the blocks of pre-activations it computes, and what of a row it reads ("n": r h, of the original GRU, or
# f h, of the MGU; "u": no product, but room for one number for each unit).
PRODUCTS: dict[type[Cell], tuple[tuple[tuple[int, ...], str], ...]] = {
    RnnCell: (((0,), "x1h"),),
    MemorylessCell: (((0,), "x1"),),
    LstmCell: (((0, 1, 2, 3), "x1h"),),
    GruCell: (((1, 2), "x1h"), ((0,), "x1"), ((3,), "1h")),
    OriginalGruCell: (((1, 2), "x1h"), ((0,), "x1"), ((0,), "n")),
    IndRnnCell: (((0,), "x1"), ((0,), "u")),
    MinGruCell: (((0, 1), "x1"),),
    MguCell: (((1,), "x1h"), ((0,), "x1"), ((0,), "n")),
    LayerNormCell: (((0,), "x1h"), ((0,), "u"), ((1,), "1")),
}
PART_OF = {"weight_ih": "x", "bias": "1", "weight_hh": "h", "weight_hn": "n", "weight_u": "u", "gain": "u"}
COPY = ("flat", "flat_row", "flat_column", "n_rows", "n_columns", "panel", "k", "row", "column", "width", "grad")


def filled(size: int) -> int:
    """The least multiple of 16 from `size` up."""
    return -(-size // WIDTH) * WIDTH


class Layout:
    """Where the layers of a network lie in memory, and which of its weights go where in the products' matrices.

    A subclass sets `offsets`, where each parameter begins, by name; `_g`, `_below`, `_step` and `_k`, which all layers
    share; and `_grads_of`, by layer the gradients of its products.  Then it calls `_layer` for each layer.  `_da`: the
    place of the gradients of `a`, which all layers share; None: they are written over `a`."""

    _da: int | None = None
    _g: int
    _below: int
    _step: int
    _k: int
    _grads_of: list[list[int]]
    offsets: dict[str, int]

    def __init__(
        self, architecture: Architecture, T: int, B: int, *, keeps_gates: bool = True, keeps_inputs: bool = True
    ):
        """keeps_gates, keeps_inputs: whether every layer gets room for its own `a`, and for its own `kept`."""
        self.architecture, self.T, self.B = architecture, T, B
        self._keeps_gates, self._keeps_inputs = keeps_gates, keeps_inputs
        self.size = 0
        self._copies: list[tuple[int, ...]] = []

    def _place(self, n: int, w: Weight, gate: int) -> tuple[int, int, int]:
        """Where the columns of a gate in a weight of layer n begin, and the strides from row to row and from column to
        column."""
        raise NotImplementedError

    def _take(self, size: int) -> int:
        """The offset of the next `size` floats."""
        offset = self.size
        self.size += filled(size)
        return offset

    def _take_products(self, n: int) -> list[int]:
        """Places for the matrices of a layer's products."""
        places = [self._take(n_rows * width) for n_rows, width in self._product_sizes(n)]
        return places + [-1] * (3 - len(places))

    def _product_sizes(self, n: int) -> list[tuple[int, int]]:
        a = self.architecture
        I = 0 if n == 0 and a.tokens and not a.embedding_size else a.layer_weights(n)[0].fan_in
        rows = {"x": I, "1": 1, "h": a.hidden_size, "n": a.hidden_size, "u": 1}
        return [
            (sum(rows[part] for part in parts), len(blocks) * filled(a.hidden_size))
            for blocks, parts in PRODUCTS[a.cell]
        ]

    def _layer(self, n: int) -> tuple[int, ...]:
        a, cell = self.architecture, self.architecture.cell
        H, H16, T, B = a.hidden_size, filled(a.hidden_size), self.T, self.B
        specs = {w.name: w for w in a.layer_weights(n)}
        reads_tokens = n == 0 and a.tokens and not a.embedding_size
        I = 0 if reads_tokens else specs["weight_ih"].fan_in
        h = filled(I + 1)
        sizes = {"x": I, "1": 1, "h": H, "n": H, "u": 1}
        products, grads = self._take_products(n), self._grads_of[n]
        for k, ((blocks, parts), (n_rows, width)) in enumerate(
            zip(PRODUCTS[cell], self._product_sizes(n), strict=True)
        ):
            for w in specs.values():
                part = PART_OF[w.name]
                if part not in parts or (part == "x" and reads_tokens):
                    continue
                row = sum(sizes[other] for other in parts[: parts.index(part)])
                self._copy(n, w, blocks, products[k], n_rows, row, width, grads[k])
        back = [-1] * 3
        for k, (name, columns) in enumerate((("weight_hh", H), ("weight_hn", H), ("weight_ih", I))):
            if name in specs and columns:
                width, n_rows = filled(columns), len(specs[name].gates) * H16
                back[k] = self._take(n_rows * width)
                self._copy_back(n, specs[name], back[k], n_rows, width)
        trace = T * B * H16
        z = self._take((T + 1) * B * (h + H16))
        gates = self._take(trace * cell.blocks if self._keeps_gates else 0)
        layer = Layer(
            cell=CELLS[cell], T=T, B=B, I=I, H=H, H16=H16, row=h + H16, x=h - 1 - I, one=h - 1, h=h,
            reads_tokens=int(reads_tokens), weight_ih=self.offsets[f"layer{n}.weight_ih"], I16=filled(I),
            z=z, a=gates, da=gates if self._da is None else self._da,
            kept=self._take(trace * cell.blocks if self._keeps_inputs else 0),
            c=self._take(trace + B * H16) if cell in (LstmCell, OriginalGruCell, MguCell) else 0,
            phi_c=self._take(trace) if cell is LstmCell else 0,
            k=self._k, g=self._g, below=self._below, step=self._step,
            panel0=products[0], panel1=products[1], panel2=products[2],
            back0=back[0], back1=back[1], back_x=back[2], grad0=grads[0], grad1=grads[1], grad2=grads[2],
        )  # fmt: skip
        return tuple(layer)

    def _copy(
        self, n: int, w: Weight, blocks: tuple[int, ...], panel: int, k: int, row: int, width: int, grad: int
    ) -> None:
        """The blocks of a weight that a product has."""
        for gate in range(len(w.gates)):
            if w.first + gate in blocks:
                column = blocks.index(w.first + gate) * filled(w.fan_out)
                place = self._place(n, w, gate)
                self._copies.append((*place, w.fan_in, w.fan_out, panel, k, row, column, width, grad))

    def _copy_back(self, n: int, w: Weight, panel: int, k: int, width: int) -> None:
        """A weight transposed: (gates * H16, fan_in)"""
        for gate in range(len(w.gates)):
            flat, row_stride, column_stride = self._place(n, w, gate)
            row = gate * filled(w.fan_out)
            self._copies.append((flat, column_stride, row_stride, w.fan_out, w.fan_in, panel, k, row, 0, width, -1))


class Program(Layout):
    """Where everything lies in the memory of a pack: its lanes' parameters, and what they use one after the other.

    layers (L, N_FIELDS); copies (n, len(COPY)), with places in a lane's parameters counted from its first one."""

    def __init__(
        self,
        architecture: Architecture,
        T: int,
        B: int,
        n_lanes: int,
        *,
        trains: bool = True,
        drops: bool = False,
        loss: str = "mse",
    ):
        """For sequences of T steps and chunks of up to B samples.

        trains: there are gradients and an optimiser's state; else all lanes share one row for what a kernel may write.
        drops: there is dropout.  loss: of the network, a name in nets/losses.py."""
        super().__init__(architecture, T, B)
        a, self.n_lanes = architecture, n_lanes
        weights = a.weights()
        ends = np.cumsum([w.fan_in * len(w.gates) * w.fan_out for w in weights.values()]).tolist()
        self.offsets = dict(zip(weights, [0, *ends], strict=False))
        self.n_parameters, self.row = ends[-1], filled(ends[-1])
        w = self._take(n_lanes * self.row)
        if trains:
            self.lanes = Lanes(w, *(self._take(n_lanes * self.row) for _ in Lanes._fields[1:]))
        else:
            self.lanes = Lanes(w, *[self._take(self.row)] * (len(Lanes._fields) - 1))
        H16, widths = filled(a.hidden_size), [filled(a.hidden_size)]
        if a.num_layers:
            widths += [filled(a.layer_weights(n)[0].fan_in) for n in range(a.num_layers) if n or a.embedding_size]
        self._g, self._below = (self._take(T * B * max(widths)) for _ in range(2))
        self._step, self._k = self._take(B * 5 * H16), self._take(B * H16)
        first_grad = self.size
        self._grads_of = [self._take_products(n) for n in range(a.num_layers)]
        self.read_grad = self._take(a.output_size * filled(a.read_size))
        self.grads = (first_grad, self.size)
        self.layers = np.array([self._layer(n) for n in range(a.num_layers)], np.int64).reshape(-1, N_FIELDS)
        self.sizes = self._sizes(drops, loss)
        self.copies = np.array(self._copies, np.int64).reshape(-1, len(COPY))

    def memory(self) -> np.ndarray:
        """The memory, aligned to whole vectors, with the ones of all rows in their places."""
        raw = np.zeros(self.size + WIDTH, np.float32)
        start = -raw.ctypes.data // 4 % WIDTH
        memory = raw[start : start + self.size]
        for fields in self.layers:
            layer = Layer(*fields.tolist())
            rows = memory[layer.z : layer.z + (self.T + 1) * self.B * layer.row]
            rows.reshape(-1, layer.row)[:, layer.one] = 1
        n_rows = self.B * (self.T if self.architecture.answers == "every" else 1)
        rows = memory[self.sizes.read : self.sizes.read + n_rows * self.sizes.read_row]
        rows.reshape(-1, self.sizes.read_row)[:, self.sizes.read_h - 1] = 1
        memory[self.sizes.ones : self.sizes.ones + filled(self.architecture.hidden_size)] = 1
        return memory

    def _place(self, n: int, w: Weight, gate: int) -> tuple[int, int, int]:
        return self.offsets[f"layer{n}.{w.name}"] + gate * w.fan_out, len(w.gates) * w.fan_out, 1

    def _sizes(self, drops: bool, loss: str) -> Sizes:
        """The readout, [1 | h] -> z, by one row product for a single output; and what else all layers share."""
        a = self.architecture
        n, O = a.read_size, a.output_size
        n16, O16 = filled(n), filled(O)
        in_z = 1 if O == 1 and loss == "mse" else O16
        every = a.answers == "every"
        N = self.B * (self.T if every else 1)
        weight, bias = self.offsets["readout.weight"], self.offsets.get("readout.bias", -1)
        panel, back = self._take((1 + n) * O16), self._take(O * n16)
        self._copies.append((weight, O, 1, n, O, panel, 1 + n, 1, 0, O16, -1))
        if bias >= 0:
            self._copies.append((bias, O, 1, 1, O, panel, 1 + n, 0, 0, O16, -1))
        self._copies.append((weight, 1, O, O, n, back, O, 0, 0, n16, self.read_grad))
        return Sizes(
            L=a.num_layers, T=self.T, I=a.input_size, O=O, O16=in_z, every=int(every), tokens=int(a.tokens),
            E=a.embedding_size or 0, embedding=self.offsets.get("embedding.weight", -1), bias=bias, n_read=n,
            n16=n16, read_panel=panel, read_back=back, read_grad=self.read_grad, read=self._take(N * (WIDTH + n16)),
            read_row=WIDTH + n16, read_h=WIDTH, z=self._take(N * in_z), dz=self._take(N * in_z),
            target=self._take(N * in_z), row=self._take(N), sums=self._take(O16),
            g=self._g, below=self._below, grads=self.grads[0], end_of_grads=self.grads[1],
            keep=self._take((max(a.num_layers - 1, 0) * self.T * self.B + N) * n16 if drops else 0),
            noise=self._take(self.row), ones=self._take(filled(a.hidden_size)),
            scratch=self._take(max(filled(a.hidden_size), 2 * filled(self.B))),
            through=self._take(a.num_layers * self.T),
        )  # fmt: skip
