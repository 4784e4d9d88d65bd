"""Three parts of a sequence, in its order: the first to train on, the next for validation, the last for the test."""

from __future__ import annotations

from rnnlab.options import ConfigError


def check_shares(valid_fraction: float, test_fraction: float) -> None:
    """Raise ConfigError for shares of validation and test that leave nothing to train on."""
    if valid_fraction + test_fraction >= 1:
        raise ConfigError(
            f"task.valid_fraction: {valid_fraction!r}; with task.test_fraction ({test_fraction!r}) "
            "must be below 1, to leave something to train on"
        )


def cuts(n: int, valid_fraction: float, test_fraction: float) -> tuple[int, int]:
    """Where the validation part and the test part of n values begin.  Shares are rounded down to whole values."""
    test = n - int(n * test_fraction)
    return test - int(n * valid_fraction), test
