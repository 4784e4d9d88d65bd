"""rnnlab: which activation for which recurrent network?  A sweep harness that answers with numbers.

results = rnnlab.load("outputs/activations")        results.runs, results.curves: pandas tables (docs/python.md)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlab.version import __version__ as __version__

if TYPE_CHECKING:
    from pathlib import Path

    from rnnlab.report.load import Results


def load(folder: str | Path) -> Results:
    """The records of a study folder, outputs/<study>, as pandas tables: runs, curves, predictions, gradients."""
    from rnnlab.report.load import load

    return load(folder)
