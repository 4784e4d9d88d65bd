"""What the modules RNN, LSTM and GRU have in common: nets/modules.py says what they are.

Axis letters: T time, B batch, I input, H hidden, L layers, D directions (1 or 2), S states (1, of an LSTM 2).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import fields, replace
from inspect import signature
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnnlab import plugins
from rnnlab.nets.activations import ACTIVATIONS, Activation, make_activation
from rnnlab.nets.backends import BACKENDS
from rnnlab.nets.cells import Cell
from rnnlab.nets.layout import layer_shapes
from rnnlab.nets.unrolling import Function, Segments, Unrolling
from rnnlab.options import check_choice, check_value, did_you_mean, rule_of

Device = torch.device | str | int | None
USUAL = {  # as in torch.nn: the representation of a module says what is not
    "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False, "recurrent": True,
    "forget_bias": 0.0, "reset_after": True, "backend": "auto",
}  # fmt: skip


class Recurrent(nn.Module):
    """What RNN, LSTM and GRU have in common."""

    def __init__(
        self, cell: type[Cell], input_size: int, hidden_size: int, num_layers: int, bias: bool, batch_first: bool,
        dropout: float, bidirectional: bool, device: Device, dtype: torch.dtype | None,
        activation: str | Function, gate_activation: str | Function | None, backend: str, parameters: dict[str, float],
    ):  # fmt: skip
        """gate_activation: None for a cell without gates.  parameters: of the activations.

        Raises ValueError or TypeError for arguments that cannot be used."""
        super().__init__()
        for key, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"{key}: {size!r}; must be a whole number at least 1")
        for key, flag in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(flag, bool):
                raise TypeError(f"{key}: {flag!r}; must be True or False")
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout: {dropout!r}; must be a number from 0 to 1")
        if dropout and num_layers == 1:
            warnings.warn(f"dropout={dropout} acts between layers, so not with num_layers=1", stacklevel=3)
        check_choice("backend", backend, BACKENDS)
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.backend = backend
        left = dict(parameters)
        self.activation = _chosen("activation", activation, "", left)
        gate_phi: Function = make_activation("sigmoid")
        if gate_activation is not None:
            self.gate_activation = gate_phi = _chosen("gate_activation", gate_activation, "gate_", left)
        for name in left:
            known = {**_parameters(self.activation, ""), **_parameters(gate_phi, "gate_")}
            near = did_you_mean(name, [*signature(type(self)).parameters, *known])
            raise TypeError(
                f"{type(self).__name__}: unknown argument {name!r}{near}; "
                f"parameters of its activations: {', '.join(known) or 'none'}"
            )
        self._unrolling = Unrolling(cell, hidden_size, self.activation, gate_phi, backend)
        self._directions = ("", "_reverse") if bidirectional else ("",)
        self._names: list[dict[str, str]] = []  # of layer n in direction d, [n * D + d]: the names of its tensors here
        for n in range(num_layers):
            shapes = layer_shapes(cell, hidden_size * len(self._directions) if n else input_size, hidden_size, bias)
            for direction in self._directions:
                self._names.append({name: f"{name}_l{n}{direction}" for name in shapes})
                for name, shape in shapes.items():
                    weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(self._names[-1][name], weight)

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters of each layer and direction, as torch.nn.RNN has them."""
        return [[getattr(self, name) for name in names.values()] for names in self._names]

    def reset_parameters(self) -> None:
        """Draw all weights anew: uniform within +-1 / sqrt(H), with the numbers that torch.nn draws."""
        limit = 1 / math.sqrt(self.hidden_size)
        for weight in (weight for weights in self.all_weights for weight in weights):
            nn.init.uniform_(weight, -limit, limit)

    def flatten_parameters(self) -> None:
        """Nothing: the modules of torch.nn have it for cuDNN."""

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> tuple[Any, Any]:
        """input: (T, B, I); with batch_first (B, T, I); of one sample (T, I); or a PackedSequence.
        hx: the states before the first step, (L * D, B, H), of one sample (L * D, H); None for zero.  Of an LSTM the
        pair (h, c).

        Returns h of the top layer after every step, (T, B, D * H) with the axes of input, or a PackedSequence; and the
        states after the last step, in the form of hx.  Raises ValueError for shapes and types that do not fit."""
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            raise ValueError(f"input: 2 or 3 axes, or a PackedSequence, got {tuple(input.shape)}")
        x = input.unsqueeze(1) if input.ndim == 2 else input.transpose(0, 1) if self.batch_first else input
        if len(x) == 0:
            raise ValueError(f"input: at least one step, got {tuple(input.shape)}")
        x = self._of_weights_type("input", x)
        initial = self._initial(hx, x.shape[1], is_batch=input.ndim == 3)
        outputs, last = self._layers(x, None, initial)
        if input.ndim == 2:
            return outputs.squeeze(1), self._in_form_of_hx(last.squeeze(2))
        return outputs.transpose(0, 1) if self.batch_first else outputs, self._in_form_of_hx(last)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data, batch_sizes, order, order_back = input
        segments = [(len(list(steps)), B) for B, steps in groupby(batch_sizes.tolist())]
        initial = self._initial(hx, segments[0][1])
        if initial is not None and order is not None:
            initial = initial.index_select(2, order)
        outputs, last = self._layers(self._of_weights_type("input", data), segments, initial)
        if order_back is not None:
            last = last.index_select(2, order_back)
        return PackedSequence(outputs, batch_sizes, order, order_back), self._in_form_of_hx(last)

    def _layers(self, x: Tensor, segments: Segments | None, initial: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (T, B, I), or of a packed sequence (rows, I); initial (S, L * D, B, H)
        -> h of the top layer (T, B, D * H) or (rows, D * H), and the states after the last step (S, L * D, B, H)."""
        if x.shape[-1] != self.input_size:
            raise ValueError(f"input: {x.shape[-1]} numbers at a step; input_size is {self.input_size}")
        drops = self.dropout > 0 and self.training and self.num_layers > 1
        if not drops and not self.bidirectional:
            return self._pass(x, segments, self._names, initial)
        D, last = len(self._directions), []
        for n in range(self.num_layers):
            if n and drops:
                x = nn.functional.dropout(x, self.dropout)
            found = []
            for k in range(n * D, n * D + D):
                before = None if initial is None else initial[:, k : k + 1]
                outputs, after = self._pass(x, segments, self._names[k : k + 1], before, reverse=k > n * D)
                found.append(outputs)
                last.append(after)
            x = torch.cat(found, -1)
        return x, torch.cat(last, 1)

    def _pass(
        self, x: Tensor, segments: Segments | None, names: list[dict[str, str]], initial: Tensor | None, *,
        reverse: bool = False,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Layers above each other, in one direction."""
        weights = [{name: getattr(self, own) for name, own in each.items()} for each in names]
        if segments is None:
            return self._unrolling(x, weights, initial, reverse=reverse)
        return self._unrolling.packed(x, segments, weights, initial, reverse=reverse)

    def _initial(self, hx: Any, B: int, *, is_batch: bool = True) -> Tensor | None:
        """hx -> (S, L * D, B, H)"""
        if hx is None:
            return None
        n_states, n_layers = self._unrolling.cell.n_states, len(self._names)
        if n_states == 1:
            hx = (hx,)
        elif not isinstance(hx, (tuple, list)) or len(hx) != n_states:
            raise ValueError(f"hx: {type(self).__name__} has a pair of states (h, c), got {_short(hx)}")
        expected = (n_layers, B, self.hidden_size) if is_batch else (n_layers, self.hidden_size)
        for state in hx:
            if not isinstance(state, Tensor) or tuple(state.shape) != expected:
                raise ValueError(f"hx: {expected} for this input, got {_short(state)}")
        states = torch.stack([self._of_weights_type("hx", state) for state in hx])
        return states if is_batch else states.unsqueeze(2)

    def _in_form_of_hx(self, states: Tensor) -> Any:
        """(S, ...) -> what the caller gets"""
        return states[0] if len(states) == 1 else tuple(states.unbind(0))

    def _of_weights_type(self, key: str, x: Tensor) -> Tensor:
        """x, if it has the dtype of the weights.  Under autocast it is converted."""
        dtype = getattr(self, self._names[0]["weight_ih"]).dtype
        if x.dtype == dtype:
            return x
        if torch.is_autocast_enabled(x.device.type):
            return x.to(dtype)
        raise ValueError(f"{key}: {x.dtype}, but the weights are {dtype}; convert one of them by .to(...)")

    def extra_repr(self) -> str:
        words = [str(self.input_size), str(self.hidden_size)]
        words += [f"{key}={getattr(self, key)}" for key, usual in USUAL.items() if getattr(self, key, usual) != usual]
        for prefix in ("", "gate_"):
            phi = getattr(self, f"{prefix}activation", None)
            if isinstance(phi, Activation):
                words.append(f"{prefix}activation={phi.name}")
                words += [f"{name}={value}" for name, value in _parameters(phi, prefix).items()]
        return ", ".join(words)


def _chosen(key: str, value: str | Function, prefix: str, parameters: dict[str, float]) -> Function:
    """The activation of a name, with those of the parameters that are its own, which are taken out of `parameters`."""
    if isinstance(value, str):
        if value not in ACTIVATIONS:
            plugins.use_installed()
        check_choice(key, value, ACTIVATIONS)
        value = make_activation(value)
    if not isinstance(value, Activation):
        if not callable(value):
            raise TypeError(f"{key}: {value!r}; must be a name, an Activation or a function of torch")
        return value
    for field in fields(value):  # type: ignore[arg-type]  # all are dataclasses
        if (name := prefix + field.name) in parameters:
            check_value(name, number := parameters.pop(name), rule_of(field))
            value = replace(value, **{field.name: float(number)})  # type: ignore[type-var]
    return value


def _parameters(phi: Function, prefix: str) -> dict[str, float]:
    """Names, as arguments, and values."""
    return {prefix + name: value for name, value in vars(phi).items()} if isinstance(phi, Activation) else {}


def _short(value: object) -> str:
    """Of a tensor its shape, of anything else its type."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
