"""Optimisers with numbers per lane against torch.optim, one instance a lane, step by step."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from rnnlab.nets.optimizers import OPTIMIZERS, Optimizer, OptimizerOptions, clip_by_global_norm, clip_by_value, register
from rnnlab.nets.schedules import SCHEDULES
from rnnlab.testing.optimizers import CHECKS, RATES, STEPS, P, gradients

MOMENTA = [{"learning_rate": 0.01, "momentum": 0.1}, {"learning_rate": 0.003, "momentum": 0.9}]
MOMENTA += [{"learning_rate": 0.1, "momentum": 0.5}]
BETAS = [
    {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    {"learning_rate": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 1e-4},
    {"learning_rate": 0.003, "beta1": 0.0, "beta2": 0.0, "eps": 1e-7},
]
NUMBERS = {
    "sgd": [MOMENTA[0] | {"momentum": 0.0}, *MOMENTA[1:]],
    "nesterov": MOMENTA,
    "adagrad": [
        {"learning_rate": 0.01, "eps": 1e-10},
        {"learning_rate": 0.1, "eps": 1e-7},
        {"learning_rate": 0.3, "eps": 1e-3},
    ],
    "rmsprop": [
        {"learning_rate": 0.001, "decay": 0.99, "eps": 1e-8},
        {"learning_rate": 0.01, "decay": 0.9, "eps": 1e-6},
        {"learning_rate": 0.003, "decay": 0.0, "eps": 1e-3},
    ],
    "adadelta": [
        {"learning_rate": 1.0, "rho": 0.9, "eps": 1e-6},
        {"learning_rate": 0.3, "rho": 0.95, "eps": 1e-4},
        {"learning_rate": 0.1, "rho": 0.0, "eps": 1e-3},
    ],
    "adam": BETAS,
    "adamw": BETAS,
}
TORCH = {
    "sgd": lambda w, n, **o: torch.optim.SGD(w, momentum=n["momentum"], **o),
    "nesterov": lambda w, n, **o: torch.optim.SGD(w, momentum=n["momentum"], nesterov=True, **o),
    "adagrad": lambda w, n, **o: torch.optim.Adagrad(w, eps=n["eps"], **o),
    "rmsprop": lambda w, n, **o: torch.optim.RMSprop(w, alpha=n["decay"], eps=n["eps"], **o),
    "adadelta": lambda w, n, **o: torch.optim.Adadelta(w, rho=n["rho"], eps=n["eps"], **o),
    "adam": lambda w, n, **o: torch.optim.Adam(w, betas=(n["beta1"], n["beta2"]), eps=n["eps"], **o),
    "adamw": lambda w, n, **o: torch.optim.AdamW(w, betas=(n["beta1"], n["beta2"]), eps=n["eps"], **o),
}
DECAYS = [0.0, 0.01, 0.3]
SCHEDULED = [  # one for each lane
    {"schedule": SCHEDULES["step"](step_every=7, step_factor=0.5)},
    {"schedule": SCHEDULES["cosine"]()},
    {"schedule": SCHEDULES["constant"](), "warmup_steps": 10},
]


def torch_schedulers(optimizers):
    """The same as torch has them, each begun at update 1."""
    step, cosine, constant = optimizers
    return [
        lr_scheduler.StepLR(step, 7, gamma=0.5),
        lr_scheduler.CosineAnnealingLR(cosine, STEPS),
        lr_scheduler.LinearLR(constant, start_factor=1 / 11, end_factor=1.0, total_iters=10),
    ]


def make(name, lanes, like, n_steps=0):
    """The optimiser with these options for each lane; a weight decay is asked for, or there is none."""
    options = [OPTIMIZERS[name].Options(**{"weight_decay": 0.0} | lane) for lane in lanes]
    return OPTIMIZERS[name](options, like, n_steps)


def test_torchs_optimizers_are_there():
    assert set(NUMBERS) == set(TORCH) <= set(OPTIMIZERS)


def assert_equal_torch(name, numbers, dtype, tolerance, schedulers=lambda optimizers: ()):
    """float32: 100 steps of a weight below 1 add up 100 roundings of at most 6e-8, mostly of both signs."""
    weights = torch.randn(3, P, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).mul_(0.3).to(dtype)
    theirs = [torch.nn.Parameter(row.clone()) for row in weights]
    optimizers = [
        TORCH[name]([row], n, lr=n["learning_rate"], weight_decay=n.get("weight_decay", 0), foreach=False)
        for row, n in zip(theirs, numbers, strict=True)
    ]
    schedulers = schedulers(optimizers)
    ours = make(name, numbers, weights, STEPS)
    for step, grads in enumerate(gradients(dtype), 1):
        weights -= ours.update(grads.clone(), weights)
        for lane in range(3):
            theirs[lane].grad = grads[lane].clone()
            optimizers[lane].step()
            off = (weights[lane] - theirs[lane].detach()).abs().max().item()
            assert off < tolerance * max(1, theirs[lane].abs().max().item()), f"lane {lane}, step {step}"
        for scheduler in schedulers:
            scheduler.step()


every_precision = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)], ids=["f32", "f64"]
)


@every_precision
@pytest.mark.parametrize("name", NUMBERS)
def test_every_lane_equals_torch_step_by_step(name, dtype, tolerance):
    assert_equal_torch(name, NUMBERS[name], dtype, tolerance)


@every_precision
@pytest.mark.parametrize("name", NUMBERS)
def test_weight_decay_equals_torchs(name, dtype, tolerance):
    decaying = [n | {"weight_decay": decay} for n, decay in zip(NUMBERS[name], DECAYS, strict=True)]
    assert_equal_torch(name, decaying, dtype, tolerance)


@pytest.mark.parametrize("name", NUMBERS)
def test_schedules_equal_torchs_with_and_without_weight_decay(name):
    for decays in ([0.0] * 3, DECAYS):
        numbers = [
            n | schedule | {"weight_decay": decay}
            for n, schedule, decay in zip(NUMBERS[name], SCHEDULED, decays, strict=True)
        ]
        assert_equal_torch(name, numbers, torch.float64, 1e-12, torch_schedulers)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_contract_of_optimizers_holds(name, check):
    check(name, NUMBERS.get(name, RATES))


def test_a_name_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="an optimiser named 'adam' is registered already"):

        @register("adam")
        class Another(Optimizer):
            class Options(OptimizerOptions):
                """Those of all."""


def test_an_optimizer_without_options_of_its_own_is_refused():
    """They bear its name, which would else be everybody's."""
    with pytest.raises(TypeError, match="must have its own nested class Options"):

        @register("another")
        class Another(Optimizer):
            pass

    assert "another" not in OPTIMIZERS


@pytest.mark.parametrize("clip_norm", [0.1, 1.0, 1e3])
def test_clipping_equals_torch_per_lane(clip_norm):
    grads = gradients(torch.float64)[0]
    grads[1] *= 1e-4  # a lane within the limit
    expected = []
    for row in grads:
        parts = [torch.nn.Parameter(torch.zeros(n, dtype=row.dtype)) for n in (5, 7, P - 12)]
        for part, gradient in zip(parts, row.split([5, 7, P - 12]), strict=True):
            part.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_(parts, clip_norm)
        expected.append(torch.cat([part.grad for part in parts]))
    clip_by_global_norm(grads, torch.linalg.vector_norm(grads, dim=1), torch.full((3,), clip_norm, dtype=grads.dtype))
    torch.testing.assert_close(grads, torch.stack(expected), rtol=1e-14, atol=0)


def test_each_lane_is_clipped_by_its_own_number():
    grads = torch.full((3, 4), 3.0)  # norm 6
    clip_by_global_norm(grads, torch.full((3,), 6.0), torch.tensor([2.0, 6.5, math.inf]))
    torch.testing.assert_close(grads[:, 0], torch.tensor([1.0, 3.0, 3.0]), rtol=1e-6, atol=0)
    assert (grads[1:] == 3).all()


def test_a_gradient_of_zero_survives_clipping():
    grads = torch.zeros(2, 4)
    clip_by_global_norm(grads, torch.zeros(2), torch.tensor([1.0, math.inf]))
    assert (grads == 0).all()


@pytest.mark.parametrize("clip_value", [1e-3, 0.5, 1e3])
def test_clipping_by_value_equals_torch_per_lane(clip_value):
    grads = gradients(torch.float64)[0]
    grads[1] *= 1e-4  # a lane within the limit, mostly
    parts = [torch.nn.Parameter(torch.zeros(P, dtype=grads.dtype)) for _ in range(3)]
    for part, row in zip(parts, grads, strict=True):
        part.grad = row.clone()
    torch.nn.utils.clip_grad_value_(parts, clip_value)
    clip_by_value(grads, torch.full((3,), clip_value, dtype=grads.dtype))
    assert torch.equal(grads, torch.stack([part.grad for part in parts]))


def test_each_lane_is_clipped_to_its_own_value_and_nan_stays():
    grads = torch.tensor([[-3.0, 0.5, math.nan, math.inf]] * 3)
    clip_by_value(grads, torch.tensor([1.0, 2.0, math.inf]))
    expected = [[-1, 0.5, math.nan, 1], [-2, 0.5, math.nan, 2], [-3, 0.5, math.nan, math.inf]]
    torch.testing.assert_close(grads, torch.tensor(expected), rtol=0, atol=0, equal_nan=True)
