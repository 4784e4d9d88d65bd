"""What holds of every initializer: shape, precision, and that the draw follows from the generator alone."""

from __future__ import annotations

import numpy as np

from rnnlab.nets.initializers import INITIALIZERS, Fan, draw
from rnnlab.options import check_choice

SHAPES = ((1, 1), (1, 7), (7, 1), (5, 9), (20, 20))
GATES = ("input", "forget", "output", "candidate")


def check_initializer(name: str) -> None:
    """Check the initializer of that name.  Raises AssertionError."""
    check_choice("check_initializer", name, INITIALIZERS)
    for shape in SHAPES:
        a_draw_is_a_finite_matrix_of_fan_in_by_fan_out(name, shape)
    the_same_generator_state_gives_the_same_draw(name)
    gates_stand_side_by_side_each_drawn_after_the_one_before(name)


def is_for_square_matrices(name: str) -> bool:
    return INITIALIZERS[name].roles == ("recurrent",)


def a_draw_is_a_finite_matrix_of_fan_in_by_fan_out(name: str, shape: tuple[int, int]) -> None:
    """One that fits recurrent weights alone may refuse other matrices than square ones, by ValueError."""
    try:
        matrix = INITIALIZERS[name](np.random.default_rng(0), Fan(*shape, hidden_size=7, seq_len=9))
    except ValueError as error:
        assert is_for_square_matrices(name) and shape[0] != shape[1], f"{shape}: {error}"
        assert f"{shape[0]} x {shape[1]}" in str(error), f"the complaint must name the shape {shape}: {error}"
        return
    assert matrix.shape == shape, f"the shape is {matrix.shape} for {shape}"
    assert matrix.dtype == np.float64, f"the precision is {matrix.dtype}; must be float64"
    assert np.isfinite(matrix).all(), f"{matrix}"


def the_same_generator_state_gives_the_same_draw(name: str) -> None:
    one, other = (INITIALIZERS[name](np.random.default_rng(3), Fan(20, 20, 20, seq_len=9)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def gates_stand_side_by_side_each_drawn_after_the_one_before(name: str) -> None:
    fan = Fan(6, 6, hidden_size=6, gates=GATES, seq_len=9)
    whole = draw(name, np.random.default_rng(5), fan)
    assert whole.shape == (6, 24), f"the shape is {whole.shape} for four gates of (6, 6)"
    if INITIALIZERS[name].all_gates:
        return
    generator = np.random.default_rng(5)
    for n in range(4):
        own = INITIALIZERS[name](generator, Fan(6, 6, 6, seq_len=9))
        np.testing.assert_array_equal(whole[:, 6 * n : 6 * n + 6], own)
