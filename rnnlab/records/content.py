"""What the files of a record may hold.  Everything is checked here, once, when it is read.

Whoever uses a record may rely on it: on the types of the entries of run.json, on the columns of the tables, and on
their numbers being numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Columns = Mapping[str, np.ndarray]
WORDS = ("nan", "inf", "-inf")  # how run.json spells a metric that is not finite
PREDICTIONS = ("series", "classes", "text")  # how predictions.csv can be laid out
LAYOUTS = {"classes": ("label", "predicted"), "text": ("sample", "truth", "predicted")}  # the columns that are needed
LONGEST = 200  # characters of an id, of a name, and of a file's name without its ending


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_metric(value: Any) -> bool:
    return type(value) in (int, float) or value in WORDS


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST


def _all(value: Any, test: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(test, value.values()))


def _or_null(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or test(value)


def _is_config(value: Any) -> bool:
    code = value.get("code", {}) if isinstance(value, dict) else None
    return _all(code, lambda entry: type(entry) is int or isinstance(entry, str))


# Of each entry of run.json: a test, and what it must be in words.
ENTRIES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "run_id": (_is_name, "a text"),
    "condition_id": (_is_name, "a text"),
    "status": (lambda value: value in ("completed", "failed"), "completed or failed"),
    "steps_done": (_is_count, "a whole number from 0 up"),
    "diverged_at_step": (_or_null(_is_count), "null or a whole number from 0 up"),
    "divergence_reason": (_or_null(_is_text), "null or a text"),
    "outcome": (_or_null(lambda v: v in ("learned", "not_learned", "diverged")), "learned, not_learned or diverged"),
    "metrics": (lambda value: _all(value, _is_metric), "numbers"),
    "error": (_or_null(_is_text), "null or a text"),
    "diverged": (lambda value: isinstance(value, bool), "true or false"),
    "task": (lambda value: isinstance(value, dict), "the facts of a task"),
    "config": (_is_config, "a config"),
}
TASK: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, f"a text of at most {LONGEST} characters"),
    "loss": (_is_name, "a text"),
    "predictions": (lambda value: value in PREDICTIONS, "series, classes or text"),
    "score": (_is_name, "a text"),
    "higher_is_better": (lambda value: isinstance(value, bool), "true or false"),
    "scored_against": (_is_name, "a text"),
}


def check_run(run: Mapping[str, Any], tables: tuple[str, ...]) -> None:
    """Raise ValueError for a run.json with an entry that it cannot have.  tables: the names of a record's tables."""
    _check_entries(run, ENTRIES, "")
    _check_entries(run["task"], TASK, "task.", optional=("scored_against",))
    sizes = run.get("tables", {})
    if not _all(sizes, _is_count) or not sizes.keys() <= set(tables):
        raise ValueError(f"tables: {_shown(sizes)}; must be the sizes of {', '.join(tables)}")


def _check_entries(
    found: Mapping[str, Any],
    known: Mapping[str, tuple[Callable[[Any], bool], str]],
    prefix: str,
    optional: tuple[str, ...] = (),
) -> None:
    missing = [name for name in known if name not in found and name not in optional]
    if missing:
        raise ValueError(f"lacks {', '.join(prefix + name for name in missing)}")
    for name, (holds, words) in known.items():
        if name in found and not holds(found[name]):
            raise ValueError(f"{prefix}{name}: {_shown(found[name])}; must be {words}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Tables.  Each check raises ValueError.


def check_curves(table: Columns) -> None:
    """All columns are numbers, and the steps are whole numbers that do not fall."""
    if not table:
        return
    _check_columns(table, ("step",))
    _check_whole(table, "step")
    _check_numbers(table, table)
    if np.any(np.diff(table["step"]) < 0):
        raise ValueError("step: must not fall from one row to the next")


def check_gradients(table: Columns) -> None:
    """step, layer and t are whole numbers, grad_norm is a number."""
    if not table:
        return
    _check_columns(table, ("step", "layer", "t", "grad_norm"))
    for name in ("step", "layer", "t"):
        _check_whole(table, name)
    _check_numbers(table, table)


def check_predictions(table: Columns, layout: str) -> None:
    """What the layout needs is there: of series numbers beside t, of text whole numbers as `sample`."""
    if not table:
        return
    if layout == "series":
        _check_columns(table, ("t", "truth"))
        _check_numbers(table, [name for name in table if name != "t"])
    else:
        _check_columns(table, LAYOUTS[layout])
    if layout == "text":
        _check_whole(table, "sample")


def _check_columns(table: Columns, names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"has no column {', '.join(missing)}")


def _check_numbers(table: Columns, names: Any) -> None:
    for name in names:
        if table[name].dtype.kind not in "if" and len(table[name]):
            raise ValueError(f"{_shown(name)}: holds something that is not a number")


def _check_whole(table: Columns, name: str) -> None:
    column = table[name]
    if len(column) and (column.dtype.kind != "i" or column.min() < 0):
        raise ValueError(f"{name}: must be whole numbers from 0 up")
