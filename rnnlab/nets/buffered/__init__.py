"""Cells: one step through time, and the same step in reverse, derived by hand, on the pack axis.

base.py says what a cell is.  To add one: a class deriving from Cell in a file of this folder, an entry below, its
options in rnnlab/config/sections.py and conf/cell/<name>.yaml.
"""

from rnnlab.nets.buffered.base import Cell, PackActivation, Weight
from rnnlab.nets.buffered.gru import GruCell, OriginalGruCell
from rnnlab.nets.buffered.lstm import LstmCell
from rnnlab.nets.buffered.rnn import MemorylessCell, RnnCell

CELL_CLASSES: dict[str, type[Cell]] = {
    "rnn": RnnCell,
    "memoryless": MemorylessCell,
    "lstm": LstmCell,
    "gru": GruCell,
    "original_gru": OriginalGruCell,
}

__all__ = ["CELL_CLASSES", "Cell", "PackActivation", "Weight"]
