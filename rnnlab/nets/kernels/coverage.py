"""What has a kernel: cells, activations, losses and optimisers.  This module is light: it imports no compiler."""

from __future__ import annotations

from collections.abc import Iterable

from rnnlab.nets.activations import Activation
from rnnlab.nets.cells import Cell
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.indrnn import IndRnnCell
from rnnlab.nets.cells.layer_norm import LayerNormCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.mgu import MguCell
from rnnlab.nets.cells.mingru import MinGruCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels.forms import missing

CELLS: dict[type[Cell], int] = {
    RnnCell: 0, MemorylessCell: 1, LstmCell: 2, GruCell: 3, OriginalGruCell: 4,
    IndRnnCell: 5, MinGruCell: 6, MguCell: 7, LayerNormCell: 8,
}  # fmt: skip
RULES = {  # the number of the formula in optimizers.py, and whether weight decay stands apart from the gradient
    "sgd": (0, False),
    "nesterov": (1, False),
    "adagrad": (2, False),
    "rmsprop": (3, False),
    "adadelta": (4, False),
    "adam": (5, False),
    "adamw": (5, True),
}

LOSSES = {"mse": 0, "cross_entropy": 1}  # the numbers in losses.py
READOUTS = {"linear": 0, "softmax": 1, "sigmoid": 2, "relu": 3, "tanh": 4}


def without_kernel(
    cell: type[Cell], activations: Iterable[Activation], loss: str, readout: str, optimizer: str
) -> str | None:
    """What of a run has no kernel, in a few words; None if everything has."""
    if cell not in CELLS:
        return f"cell={cell.name} has no kernel"
    if reason := without_form(activations):
        return reason
    for what, name, known in (
        ("loss", loss, LOSSES),
        ("readout.activation", readout, READOUTS),
        ("optimizer", optimizer, RULES),
    ):
        if name not in known:
            return f"{what}={name} has no kernel"
    return None


def without_form(activations: Iterable[Activation]) -> str | None:
    """Which of the activations has no kernel, in a few words; None if each has one."""
    return next((reason for phi in activations if (reason := missing(phi.name))), None)
