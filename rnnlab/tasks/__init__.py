"""Tasks: what a network is asked to learn.  base.py is the protocol; one file per family of tasks.

To add one: a frozen dataclass deriving from Task in a file of this folder, `@register("name")` over it, an import
below, and conf/task/<name>.yaml with its options.  The contract tests then run over it.
"""

from rnnlab.tasks import arithmetic, characters, curves, digits, images, series, symbols, text
from rnnlab.tasks.base import TASKS, Data, Finding, Predictor, Split, Task, register
from rnnlab.tasks.files import PLACES

__all__ = [
    "PLACES",
    "TASKS",
    "Data",
    "Finding",
    "Predictor",
    "Split",
    "Task",
    "arithmetic",
    "characters",
    "curves",
    "digits",
    "images",
    "register",
    "series",
    "symbols",
    "text",
]
