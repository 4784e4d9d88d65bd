"""The layers of a run's network as a module of torch.  It is on the device `meta`: its tensors have no numbers yet.

Axis letters: T time, B batch, I input, H hidden, L layers, S states.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlab.nets.activations import make_activation
from rnnlab.nets.cells import CELLS, CellOptions
from rnnlab.nets.cells.gru import GruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.modules import GRU, LSTM, RNN
from rnnlab.nets.state_dict import own_shapes
from rnnlab.nets.unrolling import Unrolling


def core_of(options: CellOptions, input_size: int) -> nn.Module | None:
    """The layers that a run's options ask for, (B, T, I) -> (B, T, H) and the last states; None for no layers."""
    o, phi = options, options.activation
    if o.num_layers == 0:
        return None
    if o.name in ("rnn", "memoryless"):
        return RNN(
            input_size, o.hidden_size, o.num_layers, bias=o.bias, batch_first=True, dropout=o.dropout, device="meta",
            activation=phi, recurrent=o.name == "rnn",
        )  # fmt: skip
    if isinstance(o, LstmCell.Options):
        return LSTM(
            input_size, o.hidden_size, o.num_layers, bias=o.bias, batch_first=True, dropout=o.dropout, device="meta",
            activation=phi, gate_activation=o.gate_activation,
        )  # fmt: skip
    if isinstance(o, GruCell.Options):
        return GRU(
            input_size, o.hidden_size, o.num_layers, bias=o.bias, batch_first=True, dropout=o.dropout, device="meta",
            activation=phi, gate_activation=o.gate_activation, reset_after=o.reset_after,
        )  # fmt: skip
    return OwnLayers(o, input_size)


class OwnLayers(nn.Module):
    """Layers of a cell that torch.nn does not have, computed by its formula in plain torch.

    Its tensors have the names and shapes of nets/state_dict.py."""

    def __init__(self, options: CellOptions, input_size: int):
        super().__init__()
        cell = CELLS[options.name].variant(options)
        gate_phi = getattr(options, "gate_activation", make_activation("sigmoid"))
        self.hidden_size, self.dropout = options.hidden_size, options.dropout
        self._unrolling = Unrolling(cell, options.hidden_size, options.activation, gate_phi, "torch")
        self._names: list[dict[str, str]] = []
        for n in range(options.num_layers):
            shapes = own_shapes(cell.weights(self.hidden_size if n else input_size, self.hidden_size, options.bias))
            self._names.append({name: f"{name}_l{n}" for name in shapes})
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{n}", nn.Parameter(torch.empty(shape, device="meta")))

    def forward(self, input: Tensor, initial: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """input (B, T, I); initial (S, L, B, H), None for zero -> h of the top layer (B, T, H), and the states after
        the last step (S, L, B, H)."""
        x, last = input.transpose(0, 1), []
        for n, names in enumerate(self._names):
            if n:
                x = nn.functional.dropout(x, self.dropout, self.training)
            weights = {name: getattr(self, own) for name, own in names.items()}
            x, after = self._unrolling(x, [weights], None if initial is None else initial[:, n : n + 1])
            last.append(after)
        return x.transpose(0, 1), torch.cat(last, 1)
