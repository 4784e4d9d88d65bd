"""The options of a sweep: where, when and how its runs are computed.  No number of a run depends on them.

This module is light: it imports neither torch nor numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnlab.options import choice, number

KEY = "hydra.launcher"  # where the command line sets the options, so that errors can name them


@dataclass(frozen=True)
class SweepOptions:
    """settings: name of an engine -> the settings of that engine, an instance of its own dataclass; an engine that is
    not in it has its defaults."""

    engine: str = "local"  # what computes the packs: a name in rnnlab.sweep.engines.engines()
    n_workers: int | None = number(None, at_least=1)  # packs at once; None: one per core or GPU, or what a cluster has
    memory_gb: float | None = number(None, at_least=0.01)  # local: for all packs at once, 10^9 bytes; None: half of it
    gpus: int | None = number(None, at_least=1)  # local, device=cuda: how many GPUs are used; None: all
    redo: str = choice("failed", ("missing", "failed", "all"))  # what is computed: missing: what has no record
    checkpoint_s: float = number(60.0, at_least=0)  # seconds between two checkpoints of a pack
    dry_run: bool = False  # print what would be computed, and train nothing
    report: bool = True  # write the report at the end
    settings: Mapping[str, Any] = field(default_factory=dict)
