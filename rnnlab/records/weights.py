"""weights.safetensors: the trained weights of a run, and what its task needs to read data and to write answers.

    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, ...    as in torch.nn.RNN, LSTM and GRU
    readout.weight, readout.bias                                             as in torch.nn.Linear
    embedding.weight                                                         as in torch.nn.Embedding

rnnlab/nets/state_dict.py makes them.  All are float32.  The metadata of the file have one entry, `preprocessing`, as
JSON: the name of the task, and what rnnlab/tasks/preprocessing.py says.  More entries would stand in an order that
changes from process to process.

The format is that of the library safetensors: a JSON header, then the numbers.  Nothing in it can be executed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rnnlab.records.files import RecordError

WEIGHTS = "weights.safetensors"
PREPROCESSING = "preprocessing"


@dataclass(frozen=True, eq=False)
class Weights:
    """The content of the file.  tensors: name -> array.  preprocessing: plain data, see the module."""

    tensors: Mapping[str, np.ndarray]
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


def to_bytes(weights: Weights) -> bytes:
    """The content as the bytes of a file.  Equal content gives equal bytes."""
    text = json.dumps(weights.preprocessing, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # The library writes an array as it lies in memory, also where its rows do not lie behind each other.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in weights.tensors.items()}
    return save(tensors, {PREPROCESSING: text})


def read_weights(path: Path) -> Weights:
    """Read a file back.  Raises RecordError where there is none, and for one that is damaged."""
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file, not a dict
        return Weights(tensors, json.loads((file.metadata() or {}).get(PREPROCESSING, "{}")))


def check_weights(path: Path) -> None:
    """Raise RecordError for a file that is damaged: one that is shorter or longer than its header says."""
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if path.exists() and not path.is_file():  # a pipe would never end
        raise RecordError(f"{path}: is not a file", [path])
    try:
        with safe_open(path, "numpy") as file:
            yield file
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise RecordError(f"{path}: cannot be read ({error})", [path]) from None
