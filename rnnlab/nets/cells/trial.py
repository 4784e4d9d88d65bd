"""A step of a cell, tried on small numbers: whether its states have the shapes that a network hands on."""

from __future__ import annotations

from rnnlab.lazy import torch
from rnnlab.nets.activations import PackActivation, make_activation
from rnnlab.nets.cells.base import Cell

R, B, I, H = 2, 3, 2, 5  # axis letters, as in base.py


def check_step(cls: type[Cell]) -> None:
    """Raise ValueError unless a step, and the step in reverse, give finite numbers of the right shapes."""
    generator = torch.Generator().manual_seed(0)
    sizes = {weight.name: (R, weight.fan_in, len(weight.gates) * H) for weight in cls.weights(I, H, bias=False)[1:]}
    w = {name: 0.4 * torch.randn(size, dtype=torch.float64, generator=generator) for name, size in sizes.items()}
    states = torch.randn(cls.n_states, R, B, H, dtype=torch.float64, generator=generator)
    pre = torch.randn(R, B, cls.blocks * H, dtype=torch.float64, generator=generator)
    cell = cls(PackActivation([make_activation("tanh")] * R), PackActivation([make_activation("sigmoid")] * R))
    after, kept = cell.step(pre, tuple(states), w)
    if len(after) != cls.n_states:
        raise ValueError(f"a step gives {len(after)} states; must be {cls.n_states}")
    for state in after:
        _check("a step gives a state", state, (R, B, H))
    grads = {name: torch.zeros_like(weight) for name, weight in w.items()}
    of_pre, before = cell.reverse_step(tuple(torch.ones_like(states)), kept, w, grads)
    _check("the reverse step gives dL/d(pre)", of_pre, (R, B, cls.blocks * H))
    for gradient in before:
        _check("the reverse step gives dL/d(state)", gradient, (R, B, H))


def _check(what: str, found: object, shape: tuple[int, ...]) -> None:
    if not isinstance(found, torch.Tensor):
        raise ValueError(f"{what} of type {type(found).__name__}; must be a tensor")
    if tuple(found.shape) != shape:
        raise ValueError(f"{what} of shape {tuple(found.shape)}; must be {shape}, of {R} lanes, {B} samples, {H} units")
    if not found.isfinite().all():
        raise ValueError(f"{what} with numbers that are not finite")
