"""Losses and readout activations against torch.nn.functional, autograd, and Keras's formula written out in numpy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnlab.nets.losses import LOSSES, READOUT_ACTIVATIONS

R, O, N = 3, 4, 6
ON_LOGITS = ("linear", "softmax")
ON_OUTPUTS = ("sigmoid", "relu", "tanh")
ONES = torch.ones(N, dtype=torch.float64)
TWIN = {
    "linear": lambda z: z,
    "softmax": lambda z: torch.exp(z) / torch.exp(z).sum(1, keepdim=True),
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "relu": lambda z: torch.where(z > 0, z, 0 * z),
    "tanh": lambda z: 1 - 2 / (1 + torch.exp(2 * z)),
}


def normal(seed, *sizes):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def classes(seed=0):
    return torch.randint(0, O, (R, N), generator=torch.Generator().manual_seed(seed))


def by_autograd(losses_of, z):
    """The lanes' losses and their gradient, of a differentiable function z -> (R,)."""
    z = z.clone().requires_grad_()
    losses = losses_of(z)
    return losses.detach(), torch.autograd.grad(losses.sum(), z)[0]


def assert_same(found, expected, atol=1e-12):
    for name, one, other in zip(("loss", "gradient"), found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=atol, msg=lambda text, name=name: f"{name}: {text}")


def keras_categorical_crossentropy(y, target):
    """Outputs of one sample that are not logits: backend.categorical_crossentropy(from_logits=False)."""
    with np.errstate(invalid="ignore"):
        p = y / y.sum()
    return -np.log(np.clip(p, 1e-7, 1 - 1e-7))[target]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_outputs_are_the_readout_activation_of_z(loss, activation):
    z = normal(0, R, O, N)
    before = z.clone()
    y = LOSSES[loss](activation).outputs(z)
    torch.testing.assert_close(y, TWIN[activation](z), rtol=0, atol=1e-14)
    y.zero_()
    assert torch.equal(z, before), "outputs must be a new tensor"


@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_mean_squared_error_equals_torch_summed_over_samples(activation):
    z, target = normal(0, R, O, N), normal(1, R, O, N)

    def losses(z):
        y = TWIN[activation](z)
        return torch.stack([F.mse_loss(y[lane], target[lane]) * N for lane in range(R)])

    assert_same(LOSSES["mse"](activation)(z.clone(), target, ONES), by_autograd(losses, z))


@pytest.mark.parametrize("activation", ON_LOGITS)
def test_cross_entropy_on_logits_equals_torch(activation):
    z, target = 3 * normal(0, R, O, N), classes()

    def losses(z):
        return torch.stack([F.cross_entropy(z[lane].T, target[lane], reduction="sum") for lane in range(R)])

    assert_same(LOSSES["cross_entropy"](activation)(z.clone(), target, ONES), by_autograd(losses, z))


@pytest.mark.parametrize("activation", ON_OUTPUTS)
def test_cross_entropy_of_outputs_equals_keras(activation):
    z, target = normal(0, R, O, N), classes()
    z[:, 0] += 1.5  # at least one relu output is positive in most samples
    z[:, :, 0] = z[:, :, 0].abs()
    z[0, :, 1] = torch.tensor([4.0, 0.01, 0.01, 0.01])
    y = TWIN[activation](z).numpy()
    found, _ = LOSSES["cross_entropy"](activation)(z.clone(), target, ONES)
    expected = [
        sum(keras_categorical_crossentropy(y[lane, :, n], target[lane, n]) for n in range(N)) for lane in range(R)
    ]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("activation", ON_OUTPUTS)
def test_the_gradient_of_cross_entropy_of_outputs_equals_autograd(activation):
    z, target = normal(2, R, O, N), classes()
    if activation != "sigmoid":
        z = z.abs()  # all outputs positive: what clips and what is NaN is tested apart
        z[1, :, 2] -= z[1, :, 2].mean()  # apart from some

    def losses(z):
        y = TWIN[activation](z)
        p = (y / y.sum(1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
        return -torch.log(p.gather(1, target.unsqueeze(1))).sum((1, 2))

    found = LOSSES["cross_entropy"](activation)(z.clone(), target, ONES)
    assert found[0].isfinite().all()
    assert_same(found, by_autograd(losses, z), atol=1e-11)


def test_a_probability_that_is_clipped_has_no_gradient():
    z = torch.tensor([5.0, -1.0, 2.0], dtype=torch.float64).reshape(1, 3, 1)  # relu: the target's share is 0
    losses, gradient = LOSSES["cross_entropy"]("relu")(z, torch.tensor([[1]]), ONES[:1])
    assert losses.item() == pytest.approx(-math.log(1e-7), rel=1e-12)
    assert (gradient == 0).all()


def test_relu_outputs_that_are_all_zero_have_a_loss_of_nan_as_in_keras():
    z = -torch.ones(1, O, 1, dtype=torch.float64)
    losses, _ = LOSSES["cross_entropy"]("relu")(z, torch.tensor([[2]]), ONES[:1])
    assert losses.isnan().all()
    assert math.isnan(keras_categorical_crossentropy(np.zeros(O), 2))


def test_logits_far_apart_underflow_nothing():
    z = torch.tensor([1000.0, -1000.0, 0.0]).reshape(1, 3, 1)
    losses, gradient = LOSSES["cross_entropy"]("linear")(z, torch.tensor([[1]]), torch.ones(1))
    assert losses.item() == 2000
    assert gradient.flatten().tolist() == [1, -1, 0]
    assert LOSSES["cross_entropy"]("softmax").outputs(z).flatten().tolist() == [1, 0, 0]


def target_for(loss):
    return normal(1, R, O, N) if loss == "mse" else classes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_samples_of_weight_0_count_for_nothing(loss, activation):
    z, target = normal(3, R, O, N).abs(), target_for(loss)
    weight = torch.tensor([1, 1, 0, 1, 0, 0], dtype=torch.float64)
    counted = [0, 1, 3]
    losses, gradient = LOSSES[loss](activation)(z.clone(), target, weight)
    fewer = LOSSES[loss](activation)(z[:, :, counted].contiguous(), target[..., counted].contiguous(), ONES[:3])
    assert_same((losses, gradient[:, :, counted]), fewer)
    assert (gradient[:, :, [2, 4, 5]] == 0).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_padding_counts_for_nothing_even_where_its_own_loss_is_not_a_number(loss, activation):
    """What fills up a chunk is some sample of the set, for which relu may answer with zeros only: 0 / 0."""
    z, target = normal(3, R, O, N).abs(), target_for(loss)
    z[:, :, -1] = -1
    weight = torch.ones(N, dtype=torch.float64)
    weight[-1] = 0
    losses, gradient = LOSSES[loss](activation)(z.clone(), target, weight)
    assert losses.isfinite().all()
    assert gradient.isfinite().all()
    assert (gradient[:, :, -1] == 0).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_a_lanes_loss_has_the_same_bits_alone_and_among_others(loss, activation):
    z, target = normal(4, R, O, N).abs().float(), target_for(loss)
    target = target.float() if loss == "mse" else target
    together = LOSSES[loss](activation)(z.clone(), target, ONES.float())
    for lane in range(R):
        alone = LOSSES[loss](activation)(z[lane : lane + 1].clone(), target[lane : lane + 1], ONES.float())
        assert all(torch.equal(one[0], all_[lane]) for one, all_ in zip(alone, together, strict=True))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_a_lane_of_nan_leaves_its_neighbours_unchanged(loss, activation):
    z, target = normal(5, R, O, N).abs(), target_for(loss)
    healthy = LOSSES[loss](activation)(z.clone(), target, ONES)
    z[1] = math.nan
    sick = LOSSES[loss](activation)(z, target, ONES)
    assert sick[0][1].isnan()
    for one, other in zip(healthy, sick, strict=True):
        assert torch.equal(one[[0, 2]], other[[0, 2]])
