"""engine=ray: packs as tasks of a Ray cluster (Moritz et al., OSDI 2018), through Ray Core.

Ray queues and places the packs, and deals with lost nodes.  Packs and records travel through Ray, so no shared file
system is needed.  Each node needs the same version of rnnlab, and the files that the tasks name.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rnnlab.options import ConfigError, number
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import KEY, SweepOptions

if TYPE_CHECKING:
    import ray

MAX_QUEUED = 10_000  # packs that Ray holds at once: enough for any cluster, and no burden for this process


@dataclass
class RaySettings:
    address: str | None = None  # of a cluster; auto: the one that this machine is part of; null: one is started here
    cpus: float = number(1.0, at_least=0.01)  # per pack
    gpus: float = number(0.0, at_least=0)  # per pack; goes with device=cuda
    memory_gb: float = number(4.0, at_least=0.01)  # per pack, in 10^9 bytes
    retries: int = number(3, at_least=0)  # how often Ray itself tries a pack again whose node or worker is lost
    shared_folder: bool = False  # whether all nodes see the study's folder: then packs write checkpoints there


@register("ray", RaySettings)
class RayEngine:
    """n_workers: how many packs are computed at once; None: as many as the cluster has room for."""

    writes_records = False

    pack_overhead_s = 0.01

    def __init__(self, settings: RaySettings, n_workers: int | None) -> None:
        from rnnlab.sweep.worker import work_elsewhere

        try:
            import ray
        except ImportError:
            raise ConfigError(f"{KEY}.engine: 'ray'; Ray is not installed here: pip install rnnlab[ray]") from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports nothing to its makers
        self._ray = ray
        cpus = n_workers * settings.cpus if n_workers and settings.address is None else None
        try:
            ray.init(
                settings.address,
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"{KEY}.ray.address: {settings.address!r}; {_one_line(error)}") from None
        self.shares_folder = settings.shared_folder or settings.address is None
        self.pack_memory_gb = settings.memory_gb
        self.n_workers = n_workers or max(1, int(ray.cluster_resources().get("CPU", 1) // settings.cpus))
        self._compute = ray.remote(
            num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.retries, retry_exceptions=False
        )(work_elsewhere)
        self._packs: dict[ray.ObjectRef, Pack] = {}

    @classmethod
    def start(cls, settings: RaySettings, options: SweepOptions, device: str, folder: Path) -> Self:
        return cls(settings, options.n_workers)

    @property
    def n_free(self) -> int:
        return MAX_QUEUED - len(self._packs)

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # the tasks of an earlier command ended with it

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        # A pack whose worker has died is not tried again by Ray: execute.py finds out which of its runs is the reason.
        task = self._compute.options(max_retries=0) if pack.suspect else self._compute
        self._packs[task.remote(pack)] = pack

    def wait(self, timeout_s: float | None) -> list[Event]:
        if not self._packs:
            return []
        done, _ = self._ray.wait(list(self._packs), timeout=timeout_s)
        return [self._event(reference, self._packs.pop(reference)) for reference in done]

    def _event(self, reference: ray.ObjectRef, pack: Pack) -> Event:
        errors = self._ray.exceptions
        try:
            return Done(pack, *self._ray.get(reference))
        except errors.TaskCancelledError:
            return Cancelled(pack)
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:  # raised on the node, and not by a run
            raise EngineError(f"a Ray node cannot compute packs: {_one_line(error)}") from error
        except errors.RayError:
            return Died(pack)

    def close(self) -> None:
        for reference in self._packs:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _one_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1]
