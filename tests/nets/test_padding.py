"""Padding, and elementwise functions whose bits do not depend on the other lanes."""

import pytest
import torch

from rnnlab.nets.padding import BLOCK, lanewise, padded


@pytest.mark.parametrize(("size", "unit", "expected"), [(0, 8, 0), (1, 8, 8), (8, 8, 8), (9, 8, 16), (33, 32, 64)])
def test_padded_is_the_next_multiple(size, unit, expected):
    assert padded(size, unit) == expected


@pytest.mark.parametrize("shape", [(3, 1), (3, 5), (3, 4, 9), (2, 8, 8), (1, 33)], ids=str)
def test_lanewise_applies_the_function_and_keeps_the_shape(shape):
    x = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lanewise(torch.exp, x), torch.exp(x), rtol=1e-15, atol=0)
    assert lanewise(torch.exp, x).shape == shape


@pytest.mark.parametrize("function", [torch.exp, torch.log, torch.sigmoid, torch.tanh])
@pytest.mark.parametrize("size", [1, 7, 31, BLOCK, 45])
def test_a_lane_has_the_same_bits_alone_and_among_others(function, size):
    x = torch.rand(5, size, generator=torch.Generator().manual_seed(1)) + 0.1
    together = lanewise(function, x)
    for lane in range(5):
        assert torch.equal(lanewise(function, x[lane : lane + 1])[0], together[lane])


def test_lanewise_works_on_views_that_are_not_contiguous():
    x = torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(2))
    assert torch.equal(lanewise(torch.exp, x.transpose(1, 2)), lanewise(torch.exp, x).transpose(1, 2))
