"""Every activation against what it states of itself, against torch, and against autograd of its paper's formula."""

import math
import re

import pytest
import torch
from torch.nn import functional as F

from rnnlab.nets.activations import ACTIVATIONS, Activation, PackActivation, make_activation, register
from rnnlab.testing.activations import CHECKS

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
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_of_activations_holds(name, parameters, check):
    check(make_activation(name, **parameters))


@every_case
def test_all_facts_are_stated(name, parameters):
    for fact in ("range", "largest_slope", "slope_at_0"):
        assert getattr(ACTIVATIONS[name], fact) is not getattr(Activation, fact)


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
