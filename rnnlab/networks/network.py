"""A trained network as a module of torch: embedding, layers, readout, and what its task does with data.

    embedding     torch.nn.Embedding; None where tokens are read as one-hot codes, or numbers are read
    core          rnnlab.RNN, LSTM or GRU; None for a network without layers
    readout       torch.nn.Linear; its activation is the run's readout.activation

Axis letters: B batch, T time, I input, H hidden, O output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnnlab.config.run import RunConfig
from rnnlab.nets.losses import LOSSES
from rnnlab.networks.core import core_of
from rnnlab.records.run import CODE
from rnnlab.tasks.preprocessing import Preprocessing

AT_ONCE = 256  # sequences


class Network(nn.Module):
    """The network of a run.  run_id, config: of its record.  task: the task with its options; its data may be read from
    files.  preprocessing: how `predict` reads data and writes answers."""

    def __init__(self, run: RunConfig, record: Mapping[str, Any], preprocessing: Preprocessing, output_size: int):
        """record: what run.json holds.

        Its tensors are on the device meta: `load_state_dict` with assign=True gives them their numbers."""
        super().__init__()
        self.run_id, self.task = record["run_id"], run.task
        self.config = {part: values for part, values in record["config"].items() if part != CODE}
        self.preprocessing, self.input_size, cell = preprocessing, preprocessing.width, run.cell
        width = cell.embedding_size or self.input_size
        self.embedding = nn.Embedding(self.input_size, width, device="meta") if cell.embedding_size else None
        self.core = core_of(cell, width)
        self.dropout = nn.Dropout(run.readout.dropout)
        read_size = width if self.core is None else cell.hidden_size
        self.readout = nn.Linear(read_size, output_size, bias=run.readout.bias, device="meta")
        self._activation = LOSSES[run.task.loss](run.readout.activation).outputs

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, I), or tokens (B, T) -> the outputs, (B, O) after the last step, or (B, T, O) where the task answers
        every step.  Every sequence begins with a state of zero."""
        if self.embedding is not None:
            x = self.embedding(x)
        elif not x.is_floating_point():
            x = nn.functional.one_hot(x, self.input_size).to(self.readout.weight.dtype)
        h = x if self.core is None else self.core(x)[0]
        if self.task.answers == "last":
            h = h[:, -1]
        return self._activation(self.readout(self.dropout(h)))

    def predict(self, data: Any) -> Any:
        """Data in their own units -> answers in their own units; `preprocessing` says what is read.

        series, curves    windows of values (T, I) or (N, T, I) -> the values that follow, (N,)
        images, digits    pixels (rows, columns) or (N, rows, columns), from 0 to the greatest -> classes (N,)
        text, characters  a str -> the character or word that follows after each of its own
        other tasks       numbers (N, T, I) or tokens (N, T), as the task makes them -> numbers, classes or tokens

        Dropout does not act.  Raises ValueError for data that the network cannot read."""
        return self.preprocessing.decode(self.outputs(data))

    def outputs(self, data: Any) -> np.ndarray:
        """Data in their own units -> the outputs that `predict` makes answers of, (O,) or (T, O), of several sequences
        with a leading axis N: numbers as the task scales them, or a number for each class."""
        encoded = self.preprocessing.encode(data)
        is_single = encoded.ndim == (1 if self.task.tokens else 2)
        outputs = self._evaluated(encoded[None] if is_single else encoded)
        return outputs[0] if is_single else outputs

    def _evaluated(self, inputs: np.ndarray) -> np.ndarray:
        """inputs (N, T, I) or tokens (N, T) -> what `forward` gives without dropout."""
        weight, training = self.readout.weight, self.training
        self.eval()
        try:
            with torch.inference_mode():
                x = torch.from_numpy(inputs).to(weight.device)
                x = x.to(weight.dtype) if x.is_floating_point() else x
                parts = [self(part).numpy(force=True) for part in x.split(AT_ONCE)]
        finally:
            self.train(training)
        return np.concatenate(parts)

    def extra_repr(self) -> str:
        return f"{self.task.name}, run_id={self.run_id}"
