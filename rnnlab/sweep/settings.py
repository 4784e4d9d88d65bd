"""What can be set about an engine, hydra.launcher.<engine>.<key>.  Light: every start of Hydra imports this."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class RaySettings:
    address: str | None = None  # of a cluster (auto: the one this machine is part of); null: one is started here
    cpus: float = 1.0  # per pack
    gpus: float = 0.0  # per pack; goes with device=cuda
    memory_gb: float = 4.0  # per pack, in 10^9 bytes
    retries: int = 3  # how often Ray itself tries a pack again whose node or worker is lost
    shared_folder: bool = False  # whether all nodes see the study's folder: then packs write checkpoints there


@dataclass
class SlurmSettings:
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time_min: int = 60  # a pack that takes longer is requeued, and goes on from its checkpoint
    cpus: int = 1  # per pack
    gpus: int = 0  # per pack; goes with device=cuda
    memory_gb: float = 4.0  # per pack, in 10^9 bytes
    array_parallelism: int = 100  # packs that run at once
    max_queued: int = 1000  # packs in Slurm's hands at once
    poll_s: float = 5.0  # seconds between two looks at the queue
    setup: list[str] = field(default_factory=list)  # shell lines before each pack, such as `module load python`
    extra: dict[str, Any] = field(default_factory=dict)  # further options of sbatch, as {constraint: avx512}
