"""Why there are no numbers to judge a comparison by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class NoRuns:
    """No run that one side of the claim is about was completed."""

    label: ClassVar[str] = "no runs"


@dataclass(frozen=True)
class NotRecorded:
    """n_without of n_runs runs did not record the quantity."""

    quantity: str
    n_without: int
    n_runs: int
    label: ClassVar[str] = "not recorded"


@dataclass(frozen=True)
class RunsLost:
    """Runs that the claim needs failed, are missing or have not ended yet: their folders, the last ones at the end."""

    folders: tuple[str, ...]
    n_ahead: int = 0  # how many have not ended yet
    label: ClassVar[str] = "runs are missing"


@dataclass(frozen=True)
class NoSeeds:
    """No seed has runs in all settings that are compared; where settings are tuned, not two seeds have."""

    label: ClassVar[str] = "no seed has all runs"


@dataclass(frozen=True)
class NoMean:
    """The settings of a seed are +inf and -inf, which have no mean."""

    quantity: str
    label: ClassVar[str] = "no mean"


Reason = NoRuns | NotRecorded | RunsLost | NoSeeds | NoMean
