"""Cells: one step through time, and the same step in reverse, one file a cell.

base.py says what a cell is.  To add one: a file in this folder with a class that derives from Cell, with its options as
the nested dataclass Options, under `@register("name")`.  by_autograd.py has cells that are given by their step alone.
"""

from importlib import import_module
from pkgutil import iter_modules

from rnnlab.nets.cells.base import CELLS, Cell, Phi, Weight
from rnnlab.nets.cells.by_autograd import StepCell, register
from rnnlab.nets.cells.options import CellOptions, GatedOptions

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["CELLS", "Cell", "CellOptions", "GatedOptions", "Phi", "StepCell", "Weight", "register"]
