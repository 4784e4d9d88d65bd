"""RNN, LSTM and GRU as modules of PyTorch, with any activation.

They have the arguments, shapes, initial values and state dicts of torch.nn.RNN, torch.nn.LSTM and torch.nn.GRU, and
further arguments, by keyword only:

    activation         phi: a name of nets/activations, an Activation, or a function of torch.  Its parameters are
                       arguments, too: rnnlab.RNN(2, 32, activation="leaky_relu", negative_slope=0.1)
    gate_activation    LSTM, GRU: the same for the gates, with parameters such as gate_negative_slope
    recurrent          RNN: False for a network without memory, which has neither weight_hh nor bias_hh
    forget_bias        LSTM: what is added to the forget gate's bias_ih as it is drawn
    reset_after        GRU: the reset gate after the recurrent product, as in torch.nn.GRU; False: before it
    backend            "auto": the kernels where they can compute it, else plain torch; "compiled": the kernels, or an
                       error; "torch": plain torch, which has gradients of gradients.  nets/unrolling.py says more
"""

from __future__ import annotations

import torch

from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.layout import GATES
from rnnlab.nets.recurrent import Device, Recurrent
from rnnlab.nets.unrolling import Function


class RNN(Recurrent):
    """torch.nn.RNN with any activation: h[t] = phi(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh).

    nonlinearity: torch's word for activation; give one of them."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str | Function = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Device = None, dtype: torch.dtype | None = None, *, activation: str | Function | None = None,
        recurrent: bool = True, backend: str = "auto", **parameters: float,
    ):  # fmt: skip
        if activation is not None and nonlinearity != "tanh":
            raise ValueError(f"RNN: nonlinearity={nonlinearity!r} and activation={activation!r} are the same; give one")
        super().__init__(
            RnnCell if recurrent else MemorylessCell, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, device, dtype, nonlinearity if activation is None else activation, None, backend, parameters,
        )  # fmt: skip
        self.recurrent = recurrent
        self.reset_parameters()


class LSTM(Recurrent):
    """torch.nn.LSTM with any activations: nets/cells/lstm.py has the formulas."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Device = None,
        dtype: torch.dtype | None = None, *, activation: str | Function = "tanh",
        gate_activation: str | Function = "sigmoid", forget_bias: float = 0.0, backend: str = "auto",
        **parameters: float,
    ):  # fmt: skip
        if proj_size != 0:
            raise ValueError(f"proj_size: {proj_size!r}; projections are not supported, only 0")
        if forget_bias and not bias:
            raise ValueError(f"forget_bias: {forget_bias!r}; needs bias=True")
        super().__init__(
            LstmCell, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype,
            activation, gate_activation, backend, parameters,
        )  # fmt: skip
        self.proj_size, self.forget_bias = proj_size, forget_bias
        self.reset_parameters()

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.forget_bias:
            for _, _, bias_ih, _ in self.all_weights:
                with torch.no_grad():
                    bias_ih.chunk(4)[GATES[LstmCell].index("forget")].add_(self.forget_bias)


class GRU(Recurrent):
    """torch.nn.GRU with any activations: nets/cells/gru.py has the formulas."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: Device = None, dtype: torch.dtype | None = None, *,
        activation: str | Function = "tanh", gate_activation: str | Function = "sigmoid", reset_after: bool = True,
        backend: str = "auto", **parameters: float,
    ):  # fmt: skip
        super().__init__(
            GruCell if reset_after else OriginalGruCell, input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, device, dtype, activation, gate_activation, backend, parameters,
        )  # fmt: skip
        self.reset_after = reset_after
        self.reset_parameters()
