"""Cells that are given by their step alone: autograd takes the step in reverse."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rnnlab.lazy import torch
from rnnlab.nets.activations.slope import Differentiable
from rnnlab.nets.cells import base
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights
from rnnlab.nets.cells.options import CellOptions, GatedOptions

if TYPE_CHECKING:
    from torch import Tensor

Described = TypeVar("Described", bound="type[Cell] | Callable[..., Tensor]")


class StepCell(Cell):
    """A cell whose subclass says what a step does, in plain torch, and nothing else.

    In reverse the step is computed once more, and autograd gives its gradients; the slopes of phi and of the gates'
    activation are those that the activations state.  A cell with a `reverse_step` of its own is faster: derive it from
    Cell.

    gates: the blocks of H columns of the pre-activations, by name.  products, traces: rough guesses."""

    gates: ClassVar[tuple[str, ...]] = ("",)

    def __init_subclass__(cls) -> None:
        cls.blocks = cls.input_blocks = cls.products = len(cls.gates)
        cls.traces = 3 * len(cls.gates) + 2 * cls.n_states

    @abstractmethod
    def next_state(self, pre: Tensor, state: State, w: Weights) -> State:
        """The state after a step.

        pre (R, B, gates * H): x[t] W_ih + b.  state: (R, B, H) each, h first.  w: the recurrent weights by name,
        "weight_hh" (R, H, gates * H).  Apply self.phi and self.gate_phi to what has the shape (R, ...)."""

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        return elman_weights(input_size, hidden_size, bias, cls.gates)

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        return self.next_state(pre, state, w), (pre, *state)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        cell = type(self)(Differentiable(self.phi), Differentiable(self.gate_phi))
        with torch.inference_mode(False), torch.enable_grad():
            pre, *state = (values.clone().detach().requires_grad_() for values in kept)
            own = {name: w[name].clone().detach().requires_grad_() for name in grads}
            after = cell.next_state(pre, tuple(state), own)
            found = torch.autograd.grad(
                after,
                [pre, *state, *own.values()],
                [values.clone().detach() for values in gradient],
                allow_unused=True,
                materialize_grads=True,
            )
        for name, of_weight in zip(own, found[1 + len(state) :], strict=True):
            grads[name] += of_weight
        return found[0], found[1 : 1 + len(state)]


def register(name: str, gates: tuple[str, ...] = ("",)) -> Callable[[Described], Described]:
    """Make a class, or the cell of a step function, reachable as cell=<name>.

    A function takes (pre, h, w, phi) and returns the next h; StepCell.next_state says what these are.  gates: the names
    of the gates, where there are any; the function then takes the gates' activation as its fifth argument."""
    base.CELLS.check_name(name)

    def enter(described: Described) -> Described:
        base.register(name)(described if isinstance(described, type) else _of_function(described, gates))
        return described

    return enter


def _of_function(function: Callable[..., Tensor], gates: tuple[str, ...]) -> type[Cell]:
    """The class of a cell with a single state, whose step is this function."""
    has_gates = gates != ("",)

    def next_state(self: StepCell, pre: Tensor, state: State, w: Weights) -> State:
        phis = (self.phi, self.gate_phi) if has_gates else (self.phi,)
        return (function(pre, *state, w, *phis),)

    options = type("Options", (GatedOptions if has_gates else CellOptions,), {"__module__": function.__module__})
    options.__qualname__ = f"{function.__qualname__}.Options"
    function.Options = options  # type: ignore[attr-defined]  # pickle looks for the class there
    return type(
        function.__name__,
        (StepCell,),
        {
            "next_state": next_state,
            "gates": gates,
            "Options": options,
            "__doc__": function.__doc__,
            "__module__": function.__module__,
        },
    )
