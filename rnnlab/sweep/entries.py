"""The cell and the task of a plugin are tried before anything trains: else each of their runs would fail or diverge."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rnnlab import plugins
from rnnlab.config.run import RunConfig
from rnnlab.nets.cells import CELLS, Cell
from rnnlab.nets.cells.trial import check_step
from rnnlab.options import ConfigError
from rnnlab.tasks import TASKS, Task
from rnnlab.tasks.trial import check_data


def check_entries(run: RunConfig) -> None:
    """Raise ConfigError for a plugin's cell whose step, or a plugin's task whose data cannot be used."""
    complaints = []
    if CELLS.module_of(run.cell.name):
        complaints.append(_of_cell(CELLS[run.cell.name].variant(run.cell)))
    if TASKS.module_of(run.task.name):
        complaints.append(_of_task(run.task))
    for complaint in filter(None, complaints):
        raise ConfigError(complaint)


@lru_cache(maxsize=256)
def _of_cell(cell: type[Cell]) -> str:
    return _complaint(f"cell: {cell.name!r}", CELLS.module_of(cell.name), lambda: check_step(cell))


@lru_cache(maxsize=256)
def _of_task(task: Task) -> str:
    return _complaint(f"task: {task.name!r}", TASKS.module_of(task.name), lambda: check_data(task, task.data(0)))


def _complaint(entry: str, module: str | None, check: Callable[[], None]) -> str:
    """What is wrong with the entry, in one line; nothing where the check passes."""
    try:
        check()
    except Exception as error:
        return f"{entry}; {plugins.in_one_line(error, module)}"
    return ""
