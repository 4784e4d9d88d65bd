"""Optimisers with numbers per lane against torch.optim, one instance a lane, step by step."""

import math

import pytest
import torch

from rnnlab.optimizers import OPTIMIZERS, clip_by_global_norm

P, STEPS = 24, 100
NUMBERS = {
    "sgd": [
        {"learning_rate": 0.01, "momentum": 0.0},
        {"learning_rate": 0.003, "momentum": 0.9},
        {"learning_rate": 0.1, "momentum": 0.5},
    ],
    "rmsprop": [
        {"learning_rate": 0.001, "decay": 0.99, "eps": 1e-8},
        {"learning_rate": 0.01, "decay": 0.9, "eps": 1e-6},
        {"learning_rate": 0.003, "decay": 0.0, "eps": 1e-3},
    ],
    "adam": [
        {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        {"learning_rate": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 1e-4},
        {"learning_rate": 0.003, "beta1": 0.0, "beta2": 0.0, "eps": 1e-7},
    ],
}
TORCH = {
    "sgd": lambda w, n: torch.optim.SGD([w], lr=n["learning_rate"], momentum=n["momentum"]),
    "rmsprop": lambda w, n: torch.optim.RMSprop([w], lr=n["learning_rate"], alpha=n["decay"], eps=n["eps"]),
    "adam": lambda w, n: torch.optim.Adam(
        [w], lr=n["learning_rate"], betas=(n["beta1"], n["beta2"]), eps=n["eps"], foreach=False
    ),
}


def gradients(dtype, lanes=3):
    """As training meets them: of changing size, between 1e-3 and 10, some exactly zero."""
    generator = torch.Generator().manual_seed(0)
    all_steps = torch.randn(STEPS, lanes, P, dtype=torch.float64, generator=generator)
    all_steps *= torch.logspace(-3, 1, P) * (1 + torch.sin(torch.arange(STEPS) / 5))[:, None, None]
    all_steps[:, :, 3] = 0
    return all_steps.to(dtype)


def test_the_optimizers_are_those_of_the_study():
    assert set(OPTIMIZERS) == set(NUMBERS)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-13)], ids=["f32", "f64"])
@pytest.mark.parametrize("name", NUMBERS)
def test_every_lane_equals_torch_step_by_step(name, dtype, tolerance):
    """float32: 100 steps of a weight below 1 add up 100 roundings of at most 6e-8, mostly of both signs."""
    weights = torch.randn(3, P, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).mul_(0.3).to(dtype)
    theirs = [torch.nn.Parameter(row.clone()) for row in weights]
    optimizers = [TORCH[name](row, numbers) for row, numbers in zip(theirs, NUMBERS[name], strict=True)]
    ours = OPTIMIZERS[name](NUMBERS[name], weights)
    for step, grads in enumerate(gradients(dtype), 1):
        weights -= ours.update(grads.clone())
        for lane in range(3):
            theirs[lane].grad = grads[lane].clone()
            optimizers[lane].step()
            off = (weights[lane] - theirs[lane].detach()).abs().max().item()
            assert off < tolerance * max(1, theirs[lane].abs().max().item()), f"lane {lane}, step {step}"


@pytest.mark.parametrize("name", NUMBERS)
def test_a_lane_has_the_same_bits_alone_and_among_others(name):
    weights = torch.zeros(3, P)
    together = OPTIMIZERS[name](NUMBERS[name], weights)
    alone = [OPTIMIZERS[name]([numbers], weights[:1]) for numbers in NUMBERS[name]]
    for grads in gradients(torch.float32)[:10]:
        update = together.update(grads.clone())
        for lane in range(3):
            assert torch.equal(update[lane], alone[lane].update(grads[lane : lane + 1].clone())[0])


@pytest.mark.parametrize("name", NUMBERS)
def test_a_lane_whose_gradient_is_nan_leaves_its_neighbours_unchanged(name):
    healthy, sick = (OPTIMIZERS[name](NUMBERS[name], torch.zeros(3, P)) for _ in range(2))
    for grads in gradients(torch.float32)[:5]:
        update = healthy.update(grads.clone()).clone()
        grads[1] = math.nan
        assert torch.equal(sick.update(grads)[[0, 2]], update[[0, 2]])


@pytest.mark.parametrize("name", NUMBERS)
def test_selected_lanes_go_on_as_they_would_have(name):
    whole = OPTIMIZERS[name](NUMBERS[name], torch.zeros(3, P))
    all_steps = gradients(torch.float32)[:10]
    for grads in all_steps[:5]:
        whole.update(grads.clone())
    lanes = [2, 0]
    chosen = whole.select(lanes, torch.zeros(2, P))
    for grads in all_steps[5:]:
        assert torch.equal(chosen.update(grads[lanes].clone()), whole.update(grads.clone())[lanes])


@pytest.mark.parametrize("name", NUMBERS)
def test_lanes_left_behind_do_not_follow_the_selected_ones(name):
    whole, untouched = (OPTIMIZERS[name](NUMBERS[name], torch.zeros(3, P)) for _ in range(2))
    first, second, third = gradients(torch.float32)[:3]
    whole.update(first.clone()), untouched.update(first.clone())
    whole.select([1], torch.zeros(1, P)).update(second[[1]].clone())
    assert torch.equal(whole.update(third.clone()), untouched.update(third.clone()))


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
