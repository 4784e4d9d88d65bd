"""rnnlab: which activation for which recurrent network?  A sweep harness that answers with numbers.

results = rnnlab.load("outputs/activations")        results.runs, results.curves: pandas tables (docs/python.md)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rnnlab.report.reading.load import Results

__version__ = "0.1.0"


def load(folder: str | Path) -> Results:
    """The records of a study folder, outputs/<study>, as pandas tables: runs, curves, predictions, gradients."""
    from rnnlab.report.reading.load import load

    return load(folder)
