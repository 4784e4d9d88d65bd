"""What this machine has: cores, memory, GPUs."""

import os
from contextlib import suppress
from pathlib import Path

from rnnlab.lazy import torch
from rnnlab.options import ConfigError


def check_device(device: str) -> None:
    """Raise ConfigError for a device that this machine does not have."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device: 'cuda'; this machine has no usable CUDA device; one of cpu")


def visible_gpus() -> list[str]:
    """The GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(n) for n in range(torch.cuda.device_count())]


def available_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def half_of_memory_gb() -> float:
    """Half of the machine's memory, in 10^9 bytes."""
    return memory_gb() / 2


def memory_gb() -> float:
    """The machine's memory, in 10^9 bytes; 8 where the system does not say."""
    with suppress(OSError, ValueError):  # a container may have less than its machine
        return int(Path("/sys/fs/cgroup/memory.max").read_text()) / 1e9
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return 8.0
