"""What holds of every optimiser: a lane's update follows from the lane alone, and nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

import torch
from torch import Tensor

from rnnlab.nets.optimizers import OPTIMIZERS, Optimizer
from rnnlab.nets.schedules import SCHEDULES, Schedule
from rnnlab.options import check_choice

LANES, P, STEPS = 3, 24, 100
RATES = [{"learning_rate": rate} for rate in (0.01, 0.1, 0.003)]
WEIGHTS = torch.linspace(-1, 1, LANES * P).reshape(LANES, P)
Numbers = Sequence[Mapping[str, Any]]  # the options of each lane


def check_optimizer(name: str, lanes: Numbers = RATES) -> None:
    """Check the optimiser of that name.  lanes: three sets of options.  Raises AssertionError."""
    check_choice("check_optimizer", name, OPTIMIZERS)
    for check in CHECKS:
        check(name, lanes)


def gradients(dtype: torch.dtype) -> Tensor:
    """(STEPS, LANES, P), as training meets them: of changing size, between 1e-3 and 10, some exactly zero."""
    generator = torch.Generator().manual_seed(0)
    all_steps = torch.randn(STEPS, LANES, P, dtype=torch.float64, generator=generator)
    all_steps *= torch.logspace(-3, 1, P) * (1 + torch.sin(torch.arange(STEPS) / 5))[:, None, None]
    all_steps[:, :, 3] = 0
    return all_steps.to(dtype)


def full(lanes: Numbers) -> list[dict[str, Any]]:
    """The options with a schedule and a weight decay for each lane."""
    make_step: Callable[..., Schedule] = SCHEDULES["step"]
    more = (
        {"schedule": make_step(step_every=7, step_factor=0.5), "weight_decay": 0.0},
        {"schedule": SCHEDULES["cosine"](), "weight_decay": 0.01},
        {"schedule": SCHEDULES["constant"](), "warmup_steps": 10, "weight_decay": 0.3},
    )
    return [{**lane, **own} for lane, own in zip(lanes, more, strict=True)]


def made(name: str, lanes: Numbers, n_steps: int = 20) -> Optimizer:
    options = [OPTIMIZERS[name].Options(**{"weight_decay": 0.0, **lane}) for lane in lanes]
    return OPTIMIZERS[name](options, WEIGHTS[: len(lanes)], n_steps)


def a_lane_has_the_same_bits_alone_and_among_others(name: str, lanes: Numbers) -> None:
    together = made(name, full(lanes))
    alone = [made(name, [numbers]) for numbers in full(lanes)]
    for grads in gradients(torch.float32)[:10]:
        update = together.update(grads.clone(), WEIGHTS)
        for lane in range(LANES):
            own = slice(lane, lane + 1)
            by_itself = alone[lane].update(grads[own].clone(), WEIGHTS[own])[0]
            assert torch.equal(update[lane], by_itself), f"lane {lane}: {update[lane]} among others, {by_itself} alone"


def a_lane_whose_gradient_is_nan_leaves_its_neighbours_unchanged(name: str, lanes: Numbers) -> None:
    healthy, sick = made(name, full(lanes)), made(name, full(lanes))
    for grads in gradients(torch.float32)[:5]:
        update = healthy.update(grads.clone(), WEIGHTS).clone()
        grads[1] = nan
        assert torch.equal(sick.update(grads, WEIGHTS)[[0, 2]], update[[0, 2]]), "a lane has changed its neighbours"


def gradients_weights_and_earlier_updates_stay_as_they_are(name: str, lanes: Numbers) -> None:
    optimizer, (first, second) = made(name, full(lanes)), gradients(torch.float32)[:2]
    weights, grads = WEIGHTS.clone(), first.clone()
    update = optimizer.update(grads, weights)
    before = update.clone()
    optimizer.update(second, weights)
    assert torch.equal(update, before), "the second update has changed the first"
    assert torch.equal(grads, first), "the gradients have changed"
    assert torch.equal(weights, WEIGHTS), "the weights have changed"


def without_weight_decay_it_needs_no_weights(name: str, lanes: Numbers) -> None:
    grads = gradients(torch.float32)[0]
    without, zero = (made(name, lanes) for _ in range(2))
    assert torch.equal(without.update(grads.clone()), zero.update(grads.clone(), WEIGHTS)), "it depends on the weights"


CHECKS: tuple[Callable[[str, Numbers], None], ...] = (
    a_lane_has_the_same_bits_alone_and_among_others,
    a_lane_whose_gradient_is_nan_leaves_its_neighbours_unchanged,
    gradients_weights_and_earlier_updates_stay_as_they_are,
    without_weight_decay_it_needs_no_weights,
)
