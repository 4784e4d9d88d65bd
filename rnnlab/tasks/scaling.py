"""Scaling of a table's inputs, fitted on the training part: from 0 to 1, or to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from rnnlab.options import ConfigError
from rnnlab.tasks.columns import Inputs

SCALINGS = ("minmax", "standard", "none")
LARGEST = np.finfo(np.float32).max
FAR = 2.0**24  # float32 cannot tell the other values apart where one is so many times as far from their median


def scales(inputs: Inputs, scaling: str, n_train: int, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Offset and unit of each input, (inputs,) float64: a value v becomes (v - offset) / unit.

    They are fitted on those of the first n_train rows that have no gaps; inputs for words keep 0 and 1.  Raises
    ConfigError for an input that does not change in these rows.  path: of the file, for the error."""
    n = len(inputs.names)
    if scaling == "none":
        return np.zeros(n), np.ones(n)
    train, lines = inputs.values[:n_train], inputs.lines[:n_train]
    whole = ~np.isnan(train).any(axis=1)
    if not whole.all():
        train, lines = train[whole], lines[whole]
    if not len(train):
        raise ConfigError(f"task.path: {path!r}; every row of the training part has a gap")
    for k in np.flatnonzero((train == train[:1]).all(axis=0) & ~inputs.is_word):
        raise ConfigError(
            f"task.scaling: {scaling!r}; column {inputs.names[k]} does not change over the training part, it is "
            f"{train[0, k]:g} in lines {lines.min()} to {lines.max()} of {path}; leave it out (task.columns), or take "
            "none"
        )
    _check_distances(inputs, train, lines, path)
    with np.errstate(over="ignore", invalid="ignore"):  # `scaled_values` names what is too large
        if scaling == "minmax":
            offsets, units = train.min(axis=0), np.ptp(train, axis=0)
        else:
            offsets, units = train.mean(axis=0), train.std(axis=0)
    return np.where(inputs.is_word, 0.0, offsets), np.where(inputs.is_word, 1.0, units)


def _check_distances(inputs: Inputs, train: np.ndarray, lines: np.ndarray, path: str) -> None:
    """Raise ConfigError for a value so far away that the others of its column become one number when it is scaled."""
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.abs(train - np.median(train, axis=0))
    usual = np.quantile(distances, 0.75, axis=0)
    far = ~(distances <= FAR * usual) & (usual > 0) & ~inputs.is_word
    if far.any():
        row, k = (int(at[0]) for at in np.nonzero(far))
        raise ConfigError(
            f"task.path: {path!r}; line {lines[row]}, column {inputs.names[k]}: {train[row, k]:g} is so far from the "
            "other values that float32 could not tell those apart after scaling (task.scaling); correct or remove it"
        )


def scaled_values(inputs: Inputs, values: np.ndarray, offsets: np.ndarray, units: np.ndarray, path: str) -> np.ndarray:
    """Values (rows, inputs) scaled, float64.  Raises ConfigError for the first one that float32 cannot hold."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = (values - offsets) / units
    beyond = ~np.isnan(values) & ~(np.isfinite(units) & (np.abs(found) <= LARGEST))
    if beyond.any():
        row, k = (int(at[0]) for at in np.nonzero(beyond))
        if not np.isfinite(units[k]):  # the extremes of the column are to blame
            row = int(np.nanargmax(np.abs(values[:, k])))
        raise ConfigError(
            f"task.path: {path!r}; line {inputs.lines[row]}, column {inputs.names[k]}: {values[row, k]:g} is too large "
            f"to be scaled (task.scaling); float32 has numbers up to {LARGEST:.2g}"
        )
    return found
