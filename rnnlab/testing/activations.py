"""What holds of every activation: its slope and its stated facts are true, and it computes entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import isfinite, nan

import torch
from torch.testing import assert_close

from rnnlab.nets.activations import ACTIVATIONS, Activation, make_activation
from rnnlab.nets.activations.slope import check_slope
from rnnlab.options import check_choice, rule_of

GRID, SPACING = torch.linspace(-30, 30, 600_001, dtype=torch.float64), 1e-4
PRECISIONS = (torch.float32, torch.float64)


def check_activation(name: str, **parameters: float) -> None:
    """Check the activation of that name with these parameters.  Raises AssertionError."""
    check_choice("check_activation", name, ACTIVATIONS)
    for check in CHECKS:
        check(make_activation(name, **parameters))


def the_slope_is_that_of_phi(activation: Activation) -> None:
    try:
        check_slope(activation)
    except ValueError as error:
        raise AssertionError(str(error)) from None


def values_stay_in_the_stated_range_and_reach_its_ends(activation: Activation) -> None:
    """A range that is not stated is measured."""
    if type(activation).range is Activation.range:
        return
    far = torch.logspace(-3, 8, 200, dtype=torch.float64)
    h = activation.phi(torch.cat([GRID, far, -far]))
    (low, high), least, greatest = activation.range, h.min().item(), h.max().item()
    assert low <= least + 1e-15 and greatest <= high + 1e-15, (
        f"range: {low, high}, but values from {least} to {greatest}"
    )
    # 1e-7: softsign at 1e8 is still 1e-8 away
    reached = least < (low + 1e-7 if isfinite(low) else -1e5) and greatest > (high - 1e-7 if isfinite(high) else 1e5)
    assert reached, f"range: {low, high}, but values only from {least} to {greatest}"


def the_largest_slope_is_as_stated(activation: Activation) -> None:
    largest = activation.slope(GRID).abs().max().item()
    stated = activation.largest_slope
    if type(activation).largest_slope is Activation.largest_slope:
        assert abs(largest - stated) <= 1e-5 * (1 + largest), f"largest_slope: measured {stated}, then {largest}"
        return
    assert stated - 1e-8 <= largest <= stated + 1e-14, f"largest_slope: {stated}, but {largest} on a grid"


def the_slope_at_0_is_as_stated(activation: Activation) -> None:
    at_0 = activation.slope(torch.zeros(1, dtype=torch.float64)).item()
    assert abs(at_0 - activation.slope_at_0) < 1e-15, f"slope_at_0: {activation.slope_at_0}, but {at_0}"


def results_are_new_tensors_of_the_arguments_shape_and_dtype(activation: Activation) -> None:
    for dtype in PRECISIONS:
        a = torch.linspace(-7, 7, 64, dtype=dtype).reshape(4, 16)
        for found in (activation.phi(a), activation.slope(a)):
            assert found.shape == a.shape and found.dtype == dtype, f"{found.shape}, {found.dtype} of {dtype}"
            assert found.data_ptr() != a.data_ptr(), "the result is the argument itself"


def results_do_not_depend_on_how_the_argument_lies_in_memory(activation: Activation) -> None:
    a = 3 * torch.randn(2, 3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for function in (activation.phi, activation.slope):
        assert_close(function(a.mT), function(a).mT, rtol=0, atol=1e-15, check_stride=False)


def the_argument_stays_as_it_is(activation: Activation) -> None:
    a = torch.linspace(-7, 7, 64)
    before = a.clone()
    activation.phi(a), activation.slope(a)
    assert torch.equal(a, before), "phi or slope has changed its argument"


def finite_arguments_give_no_nan(activation: Activation) -> None:
    for dtype in PRECISIONS:
        a = torch.tensor([-1e30, -1e10, -1e4, -200.0, -90.0, 90.0, 200.0, 1e4, 1e10, 1e30], dtype=dtype)
        assert not activation.phi(a).isnan().any(), f"phi: {activation.phi(a)} of {a}"
        slope = activation.slope(a)
        assert slope.isfinite().all(), f"slope: {slope} of {a}"
        assert slope.abs().max() <= activation.largest_slope * (1 + 1e-6), f"slope: {slope} of {a}"


def nan_stays_nan(activation: Activation) -> None:
    assert activation.phi(torch.tensor([nan])).isnan().all(), "phi(nan) is a number"


def every_parameter_says_what_it_means(activation: Activation) -> None:
    for f in fields(activation):  # type: ignore[arg-type]  # register makes a dataclass of every activation
        assert rule_of(f).about, f"{f.name}: number(..., about=...) is missing"


CHECKS: tuple[Callable[[Activation], None], ...] = (
    the_slope_is_that_of_phi,
    values_stay_in_the_stated_range_and_reach_its_ends,
    the_largest_slope_is_as_stated,
    the_slope_at_0_is_as_stated,
    results_are_new_tensors_of_the_arguments_shape_and_dtype,
    results_do_not_depend_on_how_the_argument_lies_in_memory,
    the_argument_stays_as_it_is,
    finite_arguments_give_no_nan,
    nan_stays_nan,
    every_parameter_says_what_it_means,
)
