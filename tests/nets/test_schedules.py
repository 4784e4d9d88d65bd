"""Learning-rate schedules against torch's, and by the numbers of a short run."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from rnnlab.nets.schedules import SCHEDULES, Schedule, rate_factor, register

STEPS = 23
OFTEN = {"step": {"step_every": 3, "step_factor": 0.5}}  # so that a schedule does something within a few steps


def factors(name, warmup_steps=0, **options):
    schedule = SCHEDULES[name](**options)
    return [rate_factor(schedule, warmup_steps, t, STEPS) for t in range(1, STEPS + 1)]


def rates_of(make_scheduler):
    """The rates of torch's scheduler from a rate of 1, one for each update."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("options", "make_scheduler"),
    [
        ({"name": "constant"}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        ({"name": "step", "step_every": 4, "step_factor": 0.3}, lambda o: lr_scheduler.StepLR(o, 4, gamma=0.3)),
        ({"name": "step", "step_every": 99, "step_factor": 0.3}, lambda o: lr_scheduler.StepLR(o, 99, gamma=0.3)),
        (
            {"name": "linear"},
            lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=STEPS),
        ),
        ({"name": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (
            {"name": "constant", "warmup_steps": 5},
            lambda o: lr_scheduler.LinearLR(o, start_factor=1 / 6, end_factor=1.0, total_iters=5),
        ),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_schedule_equals_torchs(options, make_scheduler):
    assert factors(**options) == pytest.approx(rates_of(make_scheduler), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warming_up_multiplies_every_schedule_and_then_ends(schedule):
    options = OFTEN.get(schedule, {})
    plain, warmed = factors(schedule, **options), factors(schedule, warmup_steps=3, **options)
    ratios = [a / b for a, b in zip(warmed, plain, strict=True)]
    assert ratios == pytest.approx([1 / 4, 2 / 4, 3 / 4] + [1] * (STEPS - 3))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_schedule_goes_up_or_below_zero_and_all_begin_at_1(schedule):
    options = OFTEN.get(schedule, {})
    found = factors(schedule, **options)
    assert found[0] == 1
    assert found == sorted(found, reverse=True)
    assert min(found) >= 0
    # no run gets there, because its training ends before
    assert 0 <= SCHEDULES[schedule](**options).factor(STEPS + 9, STEPS) <= found[-1]


def test_the_last_update_of_a_falling_schedule_is_one_short_of_zero():
    assert factors("linear")[-1] == pytest.approx(1 / STEPS)
    assert factors("cosine")[-1] == pytest.approx(math.sin(math.pi / STEPS / 2) ** 2)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_says_it_is_constant_is(name):
    assert SCHEDULES[name].is_constant == (set(factors(name, **OFTEN.get(name, {}))) == {1.0})


def test_a_name_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="a schedule named 'linear' is registered already"):

        @register("linear")
        class Another(Schedule):
            pass
