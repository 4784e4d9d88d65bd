"""What a cell is: one step through time, and the same step in reverse, derived by hand.

The cells of this folder are written to be read: plain torch, the formulas of the papers.  They are what every faster
way to compute a cell is held against.

Axis letters: R run, T time, B batch, I input, H hidden.  Shapes are given for a pack of R networks; the formulas hold
as well for one network, without the run axis.  A cell with gates keeps them side by side, as blocks of H columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeVar

from rnnlab.lazy import torch
from rnnlab.nets.cells.options import CellOptions
from rnnlab.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Role = Literal["embedding", "input", "recurrent", "readout", "bias", "own"]  # own: drawn as its cell says
State = tuple["Tensor", ...]  # what is handed from step to step, (R, B, H) each: (h,), of an LSTM (h, c)
Kept = tuple["Tensor", ...]  # what a step keeps for the same step in reverse
Weights = Mapping[str, "Tensor"]  # by short name, (R, fan_in, gates * fan_out)

AnyCell = TypeVar("AnyCell", bound="type[Cell]")
CELLS: Registry[type[Cell]] = Registry("a cell", "rnnlab.cell")


def register(name: str) -> Callable[[AnyCell], AnyCell]:
    """Make a class reachable as cell=<name>, with the options of its own nested class Options."""
    CELLS.check_name(name)

    def enter(cls: AnyCell) -> AnyCell:
        if "Options" not in vars(cls):
            raise TypeError(f"{cls.__qualname__} must have its own nested class Options, for the options of {name!r}")
        cls.name = cls.Options.name = name
        CELLS.add(name, cls)
        return cls

    return enter


@dataclass(frozen=True)
class Weight:
    """One parameter matrix, (fan_in, gates * fan_out), applied as x W: the transpose of torch.nn.RNN's, which is W x.

    role: which option of init.* says how it begins; "own": CellOptions.drawn does.  A weight of the cell's own with
    fan_in 1 has one number for each unit.  first: the block of the pre-activations that its first gate belongs to."""

    name: str
    role: Role
    fan_in: int
    fan_out: int
    gates: tuple[str, ...] = ("",)
    first: int = 0

    @property
    def blocks(self) -> slice:
        """The blocks of the pre-activations that it writes to."""
        return slice(self.first, self.first + len(self.gates))


class Phi(Protocol):
    """An elementwise function with its slope, one for each lane: (R, B, .) -> (R, B, .)."""

    def __call__(self, a: Tensor) -> Tensor: ...

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a)"""


class Cell(ABC):
    """One layer of R networks.

    A cell computes with pre-activations: `pre` (R, B, blocks * H) is the input's share of them at one step,
    x[t] W_ih + b.  The network computes that share for all steps in one product, since it does not depend on the state;
    the cell adds what comes from the state before.

    Options: a dataclass of the cell's own, with what people can set.  An option that changes the formula makes
    `variant` return another class.
    """

    name: ClassVar[str]
    Options: ClassVar[type[CellOptions]] = CellOptions
    blocks: ClassVar[int]  # how many blocks of H columns the pre-activations have
    input_blocks: ClassVar[int]  # how many of them weight_ih writes to: the first ones
    n_states: ClassVar[int] = 1
    recurrent: ClassVar[bool] = True  # whether a step depends on the one before, by whatever weights
    products: ClassVar[int]  # (H, H) products per step, for estimates of time
    traces: ClassVar[int]  # about how many floats a unit keeps per step and sample, for estimates of memory

    def __init__(self, phi: Phi, gate_phi: Phi):
        self.phi, self.gate_phi = phi, gate_phi

    @classmethod
    def variant(cls, options: CellOptions) -> type[Cell]:
        """The class that computes a cell of these options."""
        return cls

    @classmethod
    @abstractmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        """weight_ih first, then the recurrent weights and the cell's own, then the bias if there is one."""

    @abstractmethod
    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        """The state after the step, and what the reverse step needs."""

    @abstractmethod
    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        """From dL/d(state after the step): dL/d(pre), and dL/d(state before the step).

        Adds the step's share of the gradients of the recurrent weights, and of the cell's own, to `grads`."""

    def unroll(self, pre: Sequence[Tensor], state: State, w: Weights) -> tuple[list[State], list[Kept]]:
        """All steps: by step the input's share, and the state before the first one -> by step, the state after it and
        what was kept."""
        states, trace = [], []
        for pre_t in pre:
            state, kept = self.step(pre_t, state, w)
            states.append(state)
            trace.append(kept)
        return states, trace

    def unroll_reverse(
        self, above: Sequence[Tensor], trace: Sequence[Kept], w: Weights
    ) -> tuple[list[Tensor], list[State], dict[str, Tensor]]:
        """All steps in reverse.  above: by step, what arrives at h from the layer above, (R, B, H).

        Returns by step dL/d(pre); then dL/d(state) of the T + 1 states, from the one before the first step to the one
        after the last; and the gradients of the recurrent weights by name.  The gradient of an LSTM's c[t] is that
        without the share of h[t]."""
        grads = {name: torch.zeros_like(weight) for name, weight in w.items() if name not in ("weight_ih", "bias")}
        gradient: State = tuple(torch.zeros_like(above[-1]) for _ in range(self.n_states))
        d_pre, d_states = [], []
        for above_t, kept in zip(reversed(above), reversed(trace), strict=True):
            gradient = (gradient[0] + above_t, *gradient[1:])
            d_states.append(gradient)
            d_pre_t, gradient = self.reverse_step(gradient, kept, w, grads)
            d_pre.append(d_pre_t)
        return d_pre[::-1], [gradient, *reversed(d_states)], grads


@cache
def bias_blocks(cell: type[Cell]) -> slice:
    """The blocks of the pre-activations that have a bias."""
    return cell.weights(1, 1, bias=True)[-1].blocks


@cache
def has_recurrent_weights(cell: type[Cell]) -> bool:
    """Whether init.recurrent says how some of the cell's weights begin."""
    return any(weight.role == "recurrent" for weight in cell.weights(1, 1, bias=False))


def elman_weights(input_size: int, hidden_size: int, bias: bool, gates: tuple[str, ...] = ("",)) -> list[Weight]:
    """The weights of a cell whose gates all read the input and the state before."""
    weights = [
        Weight("weight_ih", "input", input_size, hidden_size, gates),
        Weight("weight_hh", "recurrent", hidden_size, hidden_size, gates),
    ]
    return [*weights, Weight("bias", "bias", 1, hidden_size, gates)] if bias else weights
