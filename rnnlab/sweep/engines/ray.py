"""engine=ray: packs as tasks of a Ray cluster (Moritz et al., OSDI 2018), through Ray Core.

Ray queues and places the packs, and deals with lost nodes.  Packs and results travel through Ray as text, see
rnnlab/sweep/elsewhere.py, so no shared file system is needed.  Each node needs the same version of rnnlab, and the
files that the tasks name.

Whoever can reach the ports of a Ray cluster and knows its token can run code on it.  A Ray that is started here listens
on loopback alone, and has a token that no other process knows.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rnnlab.options import ConfigError, number
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import KEY, SweepOptions
from rnnlab.sweep.ray_mailbox import Mailbox

if TYPE_CHECKING:
    import ray

OLDEST = (
    2,
    60,
)  # tokens came with 2.52; this one asks for them in a Ray that is started here, and can bind to loopback
MAX_QUEUED = 10_000  # packs that Ray holds at once: enough for any cluster, and no burden for this process
LOOPBACK = "127.0.0.1"
PULSE_S = 5.0  # between two questions whether the cluster is there
PATIENCE_S = 40.0  # a cluster that is silent for longer is lost; after 60 s Ray itself would end this process
FETCH_S = 60.0  # for a result that is there already
HOW_TO_GO_ON = "what was finished is kept, and the same command goes on from there"


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

    def __init__(self, settings: RaySettings, n_workers: int | None, folder: Path) -> None:
        from rnnlab.sweep.elsewhere import work_elsewhere

        self._ray = _imported(is_local=settings.address is None)
        cpus = n_workers * settings.cpus if n_workers and settings.address is None else None
        try:
            self._ray.init(
                settings.address or "local",
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except Exception as error:
            raise ConfigError(f"{KEY}.ray.address: {settings.address!r}; {_one_line(error)}") from None
        self._packs: dict[ray.ObjectRef, Pack] = {}
        self._mailbox: Mailbox | None = None  # where nodes say how far they are that do not see the study's folder
        self._pulse = _Pulse(self._ray)
        try:
            self._check_who_may_reach_it(settings.address)
            with self._guarded():
                n_cpus = self._ray.cluster_resources().get("CPU", 1)
        except BaseException:
            self.close()
            raise
        self.shares_folder = settings.shared_folder or settings.address is None
        self.pack_memory_gb = settings.memory_gb
        self.n_workers = n_workers or max(1, int(n_cpus // settings.cpus))
        self._compute = self._ray.remote(
            num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.retries, retry_exceptions=False
        )(work_elsewhere)
        if not self.shares_folder:
            with self._guarded():
                self._mailbox = Mailbox(self._ray, folder)

    @classmethod
    def start(cls, settings: RaySettings, options: SweepOptions, device: str, folder: Path) -> Self:
        return cls(settings, options.n_workers, folder)

    def _check_who_may_reach_it(self, address: str | None) -> None:
        """Raise ConfigError for a Ray that was started here and could be reached from other machines."""
        if address is None:
            with self._guarded():
                places = {node["NodeManagerAddress"] for node in self._ray.nodes()}
            if places != {LOOPBACK}:
                raise ConfigError(
                    f"{KEY}.engine: 'ray'; Ray was imported before, and would listen on {', '.join(sorted(places))}; "
                    "set RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 before that, and it listens on loopback alone"
                )
        elif os.environ.get("RAY_AUTH_MODE", "disabled") == "disabled":
            print(
                f"rnnlab: the Ray cluster {address!r} asks for no token: whoever reaches its ports can run code on it; "
                "docs/scaling.md says how to set one",
                file=sys.stderr,
            )

    @property
    def n_free(self) -> int:
        return MAX_QUEUED - len(self._packs)

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # the tasks of an earlier command ended with it

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        from rnnlab.sweep.elsewhere import pack_to_text

        # A pack whose worker has died is not tried again by Ray: execute.py finds out which of its runs is the reason.
        task = self._compute.options(max_retries=0) if pack.suspect else self._compute
        digests = [plugin.sha256 for plugin in pack.used_plugins()]
        with self._guarded():
            say = self._mailbox.say() if self._mailbox else None
            self._packs[task.remote(pack_to_text(pack), digests, say)] = pack

    def wait(self, timeout_s: float | None) -> list[Event]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        done: list[ray.ObjectRef] = []
        while self._packs and not done:
            if self._pulse.silent_s > PATIENCE_S:  # ray.wait itself would wait for ever
                raise EngineError(f"the Ray cluster has not answered for {PATIENCE_S:g} s; {HOW_TO_GO_ON}")
            left = PULSE_S if deadline is None else min(PULSE_S, max(deadline - time.monotonic(), 0.0))
            with self._guarded():
                done, _ = self._ray.wait(list(self._packs), timeout=left)
                if self._mailbox:
                    self._mailbox.empty([(pack.runs[0].run_id, len(pack.runs)) for pack in self._packs.values()])
            if deadline is not None and time.monotonic() >= deadline:
                break
        return [self._event(reference, self._packs.pop(reference)) for reference in done]

    def _event(self, reference: ray.ObjectRef, pack: Pack) -> Event:
        from rnnlab.sweep.elsewhere import result_from_text

        errors = self._ray.exceptions
        try:
            return Done(pack, *result_from_text(self._ray.get(reference, timeout=FETCH_S), pack))
        except errors.TaskCancelledError:
            return Cancelled(pack)
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:  # raised on the node, and not by a run
            raise EngineError(f"a Ray node cannot compute packs: {_one_line(error)}") from error
        except errors.LocalRayletDiedError as error:  # it would be so for every pack: none of its runs is the reason
            raise EngineError(f"the Ray node of this command is lost; {HOW_TO_GO_ON}") from error
        except errors.RayError:
            return Died(pack)
        except Exception as error:
            raise EngineError(f"Ray: {_one_line(error)}; {HOW_TO_GO_ON}") from error

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever Ray raises is an EngineError."""
        try:
            yield
        except Exception as error:
            raise EngineError(f"Ray: {_one_line(error)}; {HOW_TO_GO_ON}") from error

    def close(self) -> None:
        self._pulse.stop()
        with suppress(Exception):  # a cluster that is lost
            for reference in self._packs:
                self._ray.cancel(reference, force=True)
        with suppress(Exception):
            self._ray.shutdown()


class _Pulse:
    """Asks in a thread of its own whether the cluster has a node that lives: a lost cluster does not answer at all."""

    def __init__(self, module: Any) -> None:
        self._ray, self._stopped, self._heard = module, threading.Event(), time.monotonic()
        threading.Thread(target=self._ask, daemon=True).start()

    @property
    def silent_s(self) -> float:
        return time.monotonic() - self._heard

    def stop(self) -> None:
        self._stopped.set()

    def _ask(self) -> None:
        while not self._stopped.wait(PULSE_S):
            with suppress(Exception):
                if any(node["Alive"] for node in self._ray.nodes()):
                    self._heard = time.monotonic()


def _imported(is_local: bool) -> Any:
    """Ray, with what the Ray that is started here must know before.  Raises ConfigError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports nothing to its makers
    if is_local:
        mode = os.environ.get("RAY_AUTH_MODE", "token")
        if mode != "token":
            raise ConfigError(
                f"RAY_AUTH_MODE: {mode!r}; must be 'token', or not be set, for a Ray that is started here"
            )
        if not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # else Ray leaves one in ~/.ray
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray's word for: on loopback, on every system
    try:
        import ray
    except ImportError:
        raise ConfigError(f"{KEY}.engine: 'ray'; Ray is not installed here: pip install rnnlab[ray]") from None
    if tuple(int(part) for part in version("ray").split(".")[:2]) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise ConfigError(f"{KEY}.engine: 'ray'; Ray {version('ray')} is installed, and must be {wanted} or newer")
    return ray


def _one_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]
