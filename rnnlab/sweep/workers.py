"""Worker processes that compute packs."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from rnnlab.config import RunConfig
from rnnlab.records import RunResult
from rnnlab.sweep.jobs import compute


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A pool of processes.  They start at once, and import torch while the caller is still composing."""

    def __init__(self, n_workers: int):
        self.n_workers = n_workers
        context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        if os.name == "posix":
            context.set_forkserver_preload(["rnnlab.training"])
        self._executor = ProcessPoolExecutor(n_workers, mp_context=context)
        self._executor.submit(os.getpid)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def compute(
        self, runs: Sequence[RunConfig], packs: Sequence[Sequence[int]], device: str
    ) -> Iterator[tuple[Sequence[int], list[RunResult], float]]:
        """Each pack with its results and its time in seconds, in the order in which they finish."""
        pending = {self._executor.submit(_timed, [runs[i] for i in pack], device): pack for pack in packs}
        for future in as_completed(pending):
            results, wall_s = future.result()
            yield pending[future], results, wall_s


def _timed(pack: list[RunConfig], device: str) -> tuple[list[RunResult], float]:
    started = time.monotonic()
    results = compute(pack, device)
    return results, time.monotonic() - started
