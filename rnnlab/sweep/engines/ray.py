"""engine=ray: packs as tasks of a Ray cluster (Moritz et al., OSDI 2018), through Ray Core.

Queueing, placement and the loss of nodes are Ray's.  Packs and records travel through Ray, so that no shared file
system is needed; the nodes need the same rnnlab, and the files that tasks name.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from rnnlab.options import ConfigError
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack, work_elsewhere
from rnnlab.sweep.settings import RaySettings

MAX_QUEUED = 10_000  # packs in Ray's hands at once: enough for any cluster, and no burden for this process


class RayEngine:
    pack_overhead_s = 0.01

    def __init__(self, settings: RaySettings, n_workers: int | None):
        """n_workers: null, as many packs as the cluster has room for."""
        try:
            import ray
        except ImportError:
            raise ConfigError(
                "hydra.launcher.engine: 'ray'; Ray is not installed here: pip install rnnlab[ray]"
            ) from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told what is computed here
        self._ray = ray
        cpus = n_workers * settings.cpus if n_workers and settings.address is None else None
        try:
            ray.init(
                settings.address, num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level="error"
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"hydra.launcher.ray.address: {settings.address!r}; {_one_line(error)}") from None
        self.shares_folder = settings.shared_folder or settings.address is None
        self.pack_memory_gb = settings.memory_gb
        self.n_workers = n_workers or max(1, int(ray.cluster_resources().get("CPU", 1) // settings.cpus))
        self._compute = ray.remote(
            num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.retries, retry_exceptions=False
        )(work_elsewhere)
        self._packs: dict[ray.ObjectRef, Pack] = {}

    @property
    def n_free(self) -> int:
        return MAX_QUEUED - len(self._packs)

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # its tasks end with the command

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        # One whose worker has died is not for Ray to try again: execute.py finds out which run it is.
        task = self._compute.options(max_retries=0) if pack.suspect else self._compute
        self._packs[task.remote(pack)] = pack

    def wait(self, timeout_s: float | None) -> list[Event]:
        if not self._packs:
            return []
        done, _ = self._ray.wait(list(self._packs), timeout=timeout_s)
        return [self._event(reference, self._packs.pop(reference)) for reference in done]

    def _event(self, reference: object, pack: Pack) -> Event:
        errors = self._ray.exceptions
        try:
            return Done(pack, *self._ray.get(reference))
        except errors.TaskCancelledError:
            return Cancelled(pack)
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:  # raised there, and not by a run
            raise EngineError(f"a Ray node cannot compute packs: {_one_line(error)}") from error
        except errors.RayError:
            return Died(pack)

    def close(self) -> None:
        for reference in self._packs:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _one_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1]
