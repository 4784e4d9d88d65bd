"""Tasks: what a network is asked to learn.  base.py is the protocol; one file per family of tasks.

To add one: a file in this folder with a frozen dataclass that derives from Task, under `@register("name")`.  Its fields
are its options.  The contract tests then run over it.
"""

from importlib import import_module
from pkgutil import iter_modules

from rnnlab.tasks.base import TASKS, Data, Finding, Predictor, Split, Task, register
from rnnlab.tasks.files import PLACES

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["PLACES", "TASKS", "Data", "Finding", "Predictor", "Split", "Task", "register"]
