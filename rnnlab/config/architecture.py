"""The architecture that the options of a run describe, and the hidden size that gives it a number of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnnlab.config.sections import ReadoutConfig
from rnnlab.nets.cells import CELLS, CellOptions
from rnnlab.nets.network import Architecture
from rnnlab.options import ConfigError, default_of, shown
from rnnlab.tasks import Task

LARGEST_HIDDEN_SIZE = 2**16
FAR = 0.1  # a network whose number of parameters is further off than this share is refused


def architecture_of(task: Task, cell: CellOptions, readout: ReadoutConfig) -> Architecture:
    """The architecture of a run's network."""
    return Architecture(
        cell=CELLS[cell.name].variant(cell),
        input_size=task.input_size,
        hidden_size=cell.hidden_size,
        output_size=task.output_size,
        num_layers=cell.num_layers,
        bias=cell.bias,
        readout_bias=readout.bias,
        seq_len=task.seq_len,
        answers=task.answers,
        tokens=task.tokens,
        embedding_size=cell.embedding_size,
    )


def parameters_to_match(match: Any) -> int | None:
    """match.parameters of a composed config; None where hidden sizes are as they are given.  Raises ConfigError."""
    if match is None:
        return None
    if not isinstance(match, Mapping) or set(match) - {"parameters"}:
        raise ConfigError(f"match: {shown(match)}; must have the key parameters, as in match.parameters=20000")
    n_parameters = match.get("parameters")
    if n_parameters is not None and (type(n_parameters) is not int or n_parameters < 1):
        raise ConfigError(f"match.parameters: {shown(n_parameters)}; must be a whole number at least 1, or null")
    return n_parameters


def with_matched_hidden_size(task: Task, cell: CellOptions, readout: ReadoutConfig, n_parameters: int) -> CellOptions:
    """The cell with the hidden size whose network has the number of parameters next to n_parameters; of two that are
    equally near, the smaller one.

    Raises ConfigError where a hidden size was given as well, and where no network comes near."""
    default = next(default_of(f) for f in cell.__dataclass_fields__.values() if f.name == "hidden_size")
    if cell.hidden_size != default:
        raise ConfigError(
            f"cell.hidden_size: {cell.hidden_size}; must not be given with match.parameters={n_parameters}, from which "
            "it follows"
        )
    if cell.num_layers == 0:
        raise ConfigError("cell.num_layers: 0; must be at least 1 with match.parameters, which chooses the hidden size")

    def count(hidden_size: int) -> int:
        return architecture_of(task, replace(cell, hidden_size=hidden_size), readout).n_parameters

    low, high = 1, LARGEST_HIDDEN_SIZE  # the count grows with the hidden size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= n_parameters else (low, middle)
    hidden_size = min((low, high), key=lambda size: abs(count(size) - n_parameters))
    if abs(count(hidden_size) - n_parameters) > FAR * n_parameters:
        raise ConfigError(
            f"match.parameters: {n_parameters}; a network of cell={cell.name} for task={task.name} has "
            f"{count(hidden_size)} with hidden_size={hidden_size}, and none is within {FAR:.0%}"
        )
    return replace(cell, hidden_size=hidden_size)
