"""The cells of nets/cells, computed in buffers that are allocated once: several times as fast, and harder to read.

workspace.py computes the layers of a pack with them.  nets/padding.py says why their matrices are padded.
"""

from collections.abc import Callable, Mapping
from functools import partial

from rnnlab.nets.buffered.base import BufferedCell, PackActivation
from rnnlab.nets.buffered.gru import BufferedGru, BufferedOriginalGru
from rnnlab.nets.buffered.lstm import BufferedLstm
from rnnlab.nets.buffered.plain import PlainCell
from rnnlab.nets.buffered.rnn import BufferedMemoryless, BufferedRnn
from rnnlab.nets.cells import Cell

_CLASSES = (BufferedRnn, BufferedMemoryless, BufferedLstm, BufferedGru, BufferedOriginalGru)
BUFFERED: Mapping[type[Cell], type[BufferedCell]] = {cls.formula: cls for cls in _CLASSES}


def layer_class(cell: type[Cell]) -> Callable[..., BufferedCell]:
    """What makes a layer of a cell: its class in buffers, or for a cell without one its formula itself."""
    return BUFFERED.get(cell) or partial(PlainCell, cell)


__all__ = ["BUFFERED", "BufferedCell", "PackActivation", "layer_class"]
