"""Runs that are trained and recorded, and what lies in their folders."""

import pytest

from rnnlab.records.run import read_record
from rnnlab.sweep.alone import run_alone


@pytest.fixture
def recorded(run_config, tmp_path):
    """recorded("digits", cell="lstm", training__steps=7) -> the folder of the run's record."""

    def recorded(*arguments, **values):
        run = run_config(*arguments, **values)
        run_alone(run, tmp_path / "study" / run.folder, "cpu", "auto")
        return tmp_path / "study" / run.folder

    return recorded


@pytest.fixture
def predictions():
    """predictions(folder) -> the columns of predictions.csv."""
    return lambda folder: read_record(folder).result.predictions
