"""Which backend computes a run, and what is said where there are no kernels."""

from dataclasses import replace

import pytest

from rnnlab.nets.activations import Activation, make_activation
from rnnlab.nets.backends import BACKENDS, LaneRecipe, Recipe, choice, choose, make, ready, why_not_compiled
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.kernels import place
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS

RECIPE = Recipe(Architecture(RnnCell, 1, 2, 1, 1, True, True, 3, "last"), "mse", "linear", "sgd", 1, 1, 1)
LANE = LaneRecipe(make_activation("tanh"), OPTIMIZERS["sgd"].Options())


class Bent(Activation):
    """An activation that has only a formula in torch."""

    name = "bent"


BENT = [replace(LANE, activation=Bent()), replace(LANE, gate_activation=Bent())]


@pytest.fixture
def fresh():
    """As in a process that has not tried yet to load kernels, and has said nothing."""
    caches = [vars(choice)[name] for name in vars(choice) if hasattr(vars(choice)[name], "cache_clear")]
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def test_kernels_compute_where_there_are_any():
    assert why_not_compiled(RECIPE, LANE, "cpu") is None
    assert [choose(RECIPE, LANE, "cpu", backend) for backend in BACKENDS] == ["compiled", "compiled", "torch"]
    assert [make(name, RECIPE, [LANE], "cpu").name for name in ("compiled", "torch")] == ["compiled", "torch"]


@pytest.mark.parametrize(
    ("recipe", "lane", "device", "reason"),
    [
        (RECIPE, LANE, "cuda", "kernels compute on device=cpu, not on device=cuda"),
        (RECIPE, BENT[0], "cpu", "the activation bent has no vector form"),
        (RECIPE, BENT[1], "cpu", "the activation bent has no vector form"),
        (replace(RECIPE, optimizer="mine"), LANE, "cpu", "optimizer=mine has no kernel"),
    ],
    ids=["cuda", "activation", "gate activation", "optimizer"],
)
def test_what_has_no_kernel_is_computed_by_torch_without_a_word_and_refused_for_compiled(
    recipe, lane, device, reason, capsys
):
    assert why_not_compiled(recipe, lane, device) == reason
    assert choose(recipe, lane, device, "auto") == choose(recipe, lane, device, "torch") == "torch"
    with pytest.raises(ValueError) as caught:
        choose(recipe, lane, device, "compiled")
    assert str(caught.value) == reason
    assert capsys.readouterr().err == ""


def test_without_numba_torch_computes_and_compiled_is_refused(fresh, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert choose(RECIPE, LANE, "cpu", "auto") == "torch"
    with pytest.raises(ValueError, match="numba is not installed"):
        choose(RECIPE, LANE, "cpu", "compiled")


def test_kernels_that_cannot_be_compiled_are_named_once_with_processor_and_versions(fresh, monkeypatch, capsys):
    def fails():
        raise RuntimeError("LLVM ERROR: unknown instruction")

    monkeypatch.setattr(ready, "load", fails)
    assert [choose(RECIPE, LANE, "cpu", "auto") for _ in range(3)] == ["torch"] * 3
    (line,) = capsys.readouterr().err.splitlines()
    for part in (place.machine(), "numba ", "llvmlite ", "LLVM ERROR: unknown instruction", "plain torch computes"):
        assert part in line
    with pytest.raises(ValueError, match="LLVM ERROR: unknown instruction"):
        choose(RECIPE, LANE, "cpu", "compiled")
    assert choose(RECIPE, LANE, "cpu", "torch") == "torch"
