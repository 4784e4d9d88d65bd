"""Losses and readout activations against torch.nn.functional, autograd, and Keras's formula written out in numpy."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnlab.nets.losses import LOSSES, READOUT_ACTIVATIONS

R, N, O = 3, 6, 4
ON_LOGITS = ("linear", "softmax")
ON_OUTPUTS = ("sigmoid", "relu", "tanh")
TWIN = {
    "linear": lambda z: z,
    "softmax": lambda z: torch.exp(z) / torch.exp(z).sum(-1, keepdim=True),
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
    z = normal(0, R, N, O)
    before = z.clone()
    y = LOSSES[loss](activation).outputs(z)
    torch.testing.assert_close(y, TWIN[activation](z), rtol=0, atol=1e-14)
    y.zero_()
    assert torch.equal(z, before), "outputs must be a new tensor"


@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_mean_squared_error_equals_torch_summed_over_samples(activation):
    z, target = normal(0, R, N, O), normal(1, R, N, O)

    def losses(z):
        y = TWIN[activation](z)
        return torch.stack([F.mse_loss(y[lane], target[lane]) * N for lane in range(R)])

    assert_same(LOSSES["mse"](activation)(z.clone(), target), by_autograd(losses, z))


@pytest.mark.parametrize("activation", ON_LOGITS)
def test_cross_entropy_on_logits_equals_torch(activation):
    z, target = 3 * normal(0, R, N, O), classes()

    def losses(z):
        return torch.stack([F.cross_entropy(z[lane], target[lane], reduction="sum") for lane in range(R)])

    assert_same(LOSSES["cross_entropy"](activation)(z.clone(), target), by_autograd(losses, z))


@pytest.mark.parametrize("activation", ON_OUTPUTS)
def test_cross_entropy_of_outputs_equals_keras(activation):
    z, target = normal(0, R, N, O), classes()
    z[:, :, 0] += 1.5  # at least one relu output is positive in most samples
    z[:, 0] = z[:, 0].abs()
    z[0, 1] = torch.tensor([4.0, 0.01, 0.01, 0.01])
    y = TWIN[activation](z).numpy()
    found, _ = LOSSES["cross_entropy"](activation)(z.clone(), target)
    expected = [sum(keras_categorical_crossentropy(y[lane, n], target[lane, n]) for n in range(N)) for lane in range(R)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("activation", ON_OUTPUTS)
def test_the_gradient_of_cross_entropy_of_outputs_equals_autograd(activation):
    z, target = normal(2, R, N, O), classes()
    if activation != "sigmoid":
        z = z.abs()  # all outputs positive: what clips and what is NaN is tested apart
        z[1, 2] -= z[1, 2].mean()  # apart from some

    def losses(z):
        y = TWIN[activation](z)
        p = (y / y.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
        return -torch.log(p.gather(-1, target.unsqueeze(-1))).sum((1, 2))

    found = LOSSES["cross_entropy"](activation)(z.clone(), target)
    assert found[0].isfinite().all()
    assert_same(found, by_autograd(losses, z), atol=1e-11)


def test_a_probability_that_is_clipped_has_no_gradient():
    z = torch.tensor([5.0, -1.0, 2.0], dtype=torch.float64).reshape(1, 1, 3)  # relu: the target's share is 0
    losses, gradient = LOSSES["cross_entropy"]("relu")(z, torch.tensor([[1]]))
    assert losses.item() == pytest.approx(-math.log(1e-7), rel=1e-12)
    assert (gradient == 0).all()


def test_relu_outputs_that_are_all_zero_have_a_loss_of_nan_as_in_keras():
    z = -torch.ones(1, 1, O, dtype=torch.float64)
    losses, _ = LOSSES["cross_entropy"]("relu")(z, torch.tensor([[2]]))
    assert losses.isnan().all()
    assert math.isnan(keras_categorical_crossentropy(np.zeros(O), 2))


def test_logits_far_apart_underflow_nothing():
    z = torch.tensor([1000.0, -1000.0, 0.0]).reshape(1, 1, 3)
    losses, gradient = LOSSES["cross_entropy"]("linear")(z, torch.tensor([[1]]))
    assert losses.item() == 2000
    assert gradient.flatten().tolist() == [1, -1, 0]
    assert LOSSES["cross_entropy"]("softmax").outputs(z).flatten().tolist() == [1, 0, 0]


def target_for(loss):
    return normal(1, R, N, O) if loss == "mse" else classes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_losses_are_summed_in_double_precision(loss, activation):
    """In single precision a sum of 65536 numbers near 1 would be off by some 1e-6."""
    z = normal(3, 1, 1, O).abs().float().expand(1, 2**16, O)
    target = torch.zeros(1, 2**16, O) if loss == "mse" else torch.zeros(1, 2**16, dtype=torch.int64)
    one, all_ = (LOSSES[loss](activation)(z[:, :n], target[:, :n])[0] for n in (1, 2**16))
    assert all_.dtype == torch.float64
    assert all_.item() / 2**16 == pytest.approx(one.item(), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_a_lanes_loss_is_the_same_alone_and_among_others(loss, activation):
    """But for rounding: torch computes the last numbers of a tensor with another formula than whole vectors."""
    z, target = normal(4, R, N, O).abs().float(), target_for(loss)
    target = target.float() if loss == "mse" else target
    together = LOSSES[loss](activation)(z.clone(), target)
    for lane in range(R):
        alone = LOSSES[loss](activation)(z[lane : lane + 1].clone(), target[lane : lane + 1])
        for one, all_ in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], all_[lane], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_a_lane_of_nan_leaves_its_neighbours_unchanged(loss, activation):
    z, target = normal(5, R, N, O).abs(), target_for(loss)
    healthy = LOSSES[loss](activation)(z.clone(), target)
    z[1] = math.nan
    sick = LOSSES[loss](activation)(z, target)
    assert sick[0][1].isnan()
    for one, other in zip(healthy, sick, strict=True):
        assert torch.equal(one[[0, 2]], other[[0, 2]])
