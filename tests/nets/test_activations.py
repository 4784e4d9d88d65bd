"""Every activation against what it states of itself, against torch, and against autograd of its paper's formula."""

import math
import re
from dataclasses import fields

import pytest
import torch
from torch.nn import functional as F

from rnnlab.nets.activations import ACTIVATIONS, Activation, PackActivation, make_activation, register
from rnnlab.options import rule_of

OF_THE_STUDY = (
    "tanh sigmoid relu leaky_relu identity elu selu celu gelu silu mish softplus softsign hardtanh relu6 sine"
)
NAMES = list(ACTIVATIONS)
CASES = [(name, {}) for name in NAMES]
CASES += [("leaky_relu", {"negative_slope": slope}) for slope in (0.0, 0.2, -0.3, 1.0)]
CASES += [(name, {"alpha": alpha}) for name in ("elu", "celu") for alpha in (0.5, 2.0)]
KINKS = (-1.0, 0.0, 1.0, 6.0)  # of any of them
TORCH = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
    "leaky_relu": lambda a, negative_slope=0.01: F.leaky_relu(a, negative_slope),
    "identity": lambda a: a * 1,
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": lambda a: F.softplus(a, threshold=50),  # the default of 20 is off by exp(-20)
    "softsign": F.softsign,
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "sine": torch.sin,
}

in_torch = pytest.mark.parametrize(
    ("name", "parameters"),
    [case for case in CASES if case[0] in TORCH],
    ids=[f"{name}{''.join(f'[{v}]' for v in p.values())}" for name, p in CASES if name in TORCH],
)
every_case = pytest.mark.parametrize(
    ("name", "parameters"), CASES, ids=[f"{name}{''.join(f'[{v}]' for v in p.values())}" for name, p in CASES]
)


def grid(dtype=torch.float64):
    """Moderate values, dense around 0, with every kink on it."""
    return torch.cat([torch.linspace(-30, 30, 6001), torch.linspace(-1.5, 1.5, 3001), torch.tensor(KINKS)]).to(dtype)


def by_autograd(function, a):
    a = a.clone().requires_grad_()
    h = function(a)
    return h.detach(), torch.autograd.grad(h.sum(), a)[0]


def test_all_activations_of_the_study_are_registered():
    assert set(ACTIVATIONS) >= {*OF_THE_STUDY.split(), "sine"}


@every_case
def test_outputs_stay_in_the_stated_range_and_reach_its_ends(name, parameters):
    activation = make_activation(name, **parameters)
    far = torch.logspace(-3, 8, 200, dtype=torch.float64)
    h = activation.phi(torch.cat([torch.linspace(-30, 30, 600_001, dtype=torch.float64), far, -far]))
    low, high = activation.range
    assert low <= h.min() + 1e-15
    assert h.max() <= high + 1e-15
    assert h.min() < (low + 1e-7 if math.isfinite(low) else -1e5)  # 1e-7: softsign at 1e8 is still 1e-8 away
    assert h.max() > (high - 1e-7 if math.isfinite(high) else 1e5)


@every_case
def test_the_largest_slope_is_as_stated(name, parameters):
    activation = make_activation(name, **parameters)
    slopes = activation.slope(torch.linspace(-30, 30, 600_001, dtype=torch.float64)).abs()
    assert slopes.max().item() == pytest.approx(activation.largest_slope, abs=1e-8)  # grid 1e-4, curvature below 1
    assert slopes.max() <= activation.largest_slope + 1e-14


@every_case
def test_the_slope_at_0_is_as_stated(name, parameters):
    activation = make_activation(name, **parameters)
    at_0 = activation.slope(torch.zeros(1, dtype=torch.float64)).item()
    assert at_0 == pytest.approx(activation.slope_at_0, abs=1e-15)


@in_torch
def test_phi_and_slope_equal_torch_in_double_precision(name, parameters):
    activation = make_activation(name, **parameters)
    h, slope = by_autograd(lambda a: TORCH[name](a, **parameters), grid())
    torch.testing.assert_close(activation.phi(grid()), h, rtol=0, atol=1e-12)
    torch.testing.assert_close(activation.slope(grid()), slope, rtol=0, atol=1e-12)


@in_torch
def test_phi_and_slope_equal_torch_in_single_precision(name, parameters):
    """Against double precision at the same points.  phi: a few roundings of 6e-8.  Slope: 1 - r^2 in mish is a
    difference of numbers near 1, each off by 6e-8, times a of up to 30."""
    activation, a = make_activation(name, **parameters), grid(torch.float32)
    h, slope = by_autograd(lambda a: TORCH[name](a, **parameters), a.double())
    torch.testing.assert_close(activation.phi(a).double(), h, rtol=5e-7, atol=5e-7)
    torch.testing.assert_close(activation.slope(a).double(), slope, rtol=2e-6, atol=4e-6)


@pytest.mark.parametrize("name", TORCH)
def test_slopes_close_to_a_kink_in_single_precision_are_those_of_their_side(name):
    a = torch.tensor([-1e-6, -1e-9, -1e-20, 1e-20, 1e-9, 1e-6, 5.99999, 6.00001, 0.99999, 1.00001])
    _, slope = by_autograd(TORCH[name], a.double())
    torch.testing.assert_close(make_activation(name).slope(a).double(), slope, rtol=0, atol=2e-6)


@every_case
def test_phi_and_slope_equal_autograd_of_the_papers_formula(name, parameters, reference):
    activation = make_activation(name, **parameters)
    h, slope = by_autograd(lambda a: reference.phi(name, a, **parameters), grid())
    torch.testing.assert_close(activation.phi(grid()), h, rtol=0, atol=1e-12)
    torch.testing.assert_close(activation.slope(grid()), slope, rtol=0, atol=1e-12)


class Applied(torch.autograd.Function):
    """An activation as autograd sees it."""

    @staticmethod
    def forward(ctx, a, activation):
        ctx.save_for_backward(a)
        ctx.activation = activation
        return activation.phi(a)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.activation.slope(*ctx.saved_tensors), None


@every_case
def test_the_slope_passes_gradcheck(name, parameters):
    a = 8 * torch.rand(80, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1.5
    a = torch.stack([a, -a]).flatten()
    away = torch.stack([(a - kink).abs() > 1e-3 for kink in KINKS]).all(
        0
    )  # a difference quotient across a kink is neither
    a = a[away].requires_grad_()
    assert torch.autograd.gradcheck(Applied.apply, (a, make_activation(name, **parameters)))


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_phi_and_slope_are_new_tensors_of_the_arguments_shape_and_dtype(name, parameters, dtype):
    activation, a = make_activation(name, **parameters), torch.linspace(-7, 7, 64, dtype=dtype).reshape(4, 16)
    for found in (activation.phi(a), activation.slope(a)):
        assert found.shape == a.shape
        assert found.dtype == dtype
        assert found.data_ptr() != a.data_ptr()


@every_case
def test_phi_and_slope_do_not_depend_on_how_their_argument_lies_in_memory(name, parameters):
    activation = make_activation(name, **parameters)
    a = 3 * torch.randn(2, 3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for function in (activation.phi, activation.slope):
        torch.testing.assert_close(function(a.mT), function(a).mT, rtol=0, atol=1e-15, check_stride=False)


@every_case
def test_phi_and_slope_leave_their_argument_as_it_is(name, parameters):
    a = torch.linspace(-7, 7, 64)
    before = a.clone()
    activation = make_activation(name, **parameters)
    activation.phi(a), activation.slope(a)
    assert torch.equal(a, before)


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_finite_inputs_never_give_nan(name, parameters, dtype):
    a = torch.tensor([-1e30, -1e10, -1e4, -200.0, -90.0, 90.0, 200.0, 1e4, 1e10, 1e30], dtype=dtype)
    activation = make_activation(name, **parameters)
    h = activation.phi(a)
    assert not h.isnan().any()
    slope = activation.slope(a)
    assert slope.isfinite().all()
    assert slope.abs().max() <= activation.largest_slope * (1 + 1e-6)


@pytest.mark.parametrize(
    ("name", "at_minus_inf", "at_inf"),
    [
        ("tanh", -1, 1),
        ("sigmoid", 0, 1),
        ("hardtanh", -1, 1),
        ("relu6", 0, 6),
        ("relu", 0, math.inf),
        ("softplus", 0, math.inf),
        ("elu", -1, math.inf),
        ("celu", -1, math.inf),
        ("identity", -math.inf, math.inf),
        ("leaky_relu", -math.inf, math.inf),
    ],
)
def test_at_infinity_phi_is_at_the_ends_of_its_range(name, at_minus_inf, at_inf):
    h = make_activation(name).phi(torch.tensor([-math.inf, math.inf]))
    assert h.tolist() == [at_minus_inf, at_inf]


@every_case
def test_nan_stays_nan(name, parameters):
    assert make_activation(name, **parameters).phi(torch.tensor([math.nan])).isnan().all()


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_states_its_source_with_a_year_and_its_formula(name):
    cls = ACTIVATIONS[name]
    assert re.search(r"\((19|20)\d\d\)", cls.source)
    assert "phi(a) =" in cls.__doc__
    assert cls.name == name


def test_an_activation_takes_its_own_parameters_alone():
    assert make_activation("leaky_relu", negative_slope=0.5).negative_slope == 0.5
    for name in ("tanh", "selu"):
        with pytest.raises(TypeError, match="alpha"):
            make_activation(name, alpha=3.0)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_says_what_it_means(name):
    for f in fields(ACTIVATIONS[name]):
        assert rule_of(f).about, f.name


def test_a_pack_applies_to_each_lane_its_own_activation():
    names = ("relu", "relu", "sine", "mish")
    phi = PackActivation([make_activation(name) for name in names])
    a = torch.randn(len(names), 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for lane, name in enumerate(names):
        assert torch.equal(phi(a)[lane], make_activation(name).phi(a[lane]))
        assert torch.equal(phi.slope(a)[lane], make_activation(name).slope(a[lane]))


def test_activations_are_equal_exactly_when_name_and_parameters_are():
    assert make_activation("elu", alpha=2.0) == make_activation("elu", alpha=2.0)
    assert make_activation("elu", alpha=2.0) != make_activation("elu", alpha=1.0)
    assert make_activation("elu") != make_activation("celu")


def test_a_name_cannot_be_registered_twice():
    tanh = ACTIVATIONS["tanh"]
    with pytest.raises(ValueError, match="an activation named 'tanh' is registered already"):

        @register("tanh")
        class Another(Activation):
            pass

    assert ACTIVATIONS["tanh"] is tanh


def test_the_registry_cannot_be_written_to():
    with pytest.raises(TypeError):
        ACTIVATIONS["mine"] = Activation
