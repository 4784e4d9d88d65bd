"""What this machine has to offer."""

import os
from contextlib import suppress
from pathlib import Path


def available_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def half_of_memory_gb() -> float:
    """Half of the machine's memory, in 10^9 bytes; 4 where the system does not say."""
    with suppress(OSError, ValueError):  # a container may have less than its machine
        return int(Path("/sys/fs/cgroup/memory.max").read_text()) / 2e9
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2e9
    except (ValueError, OSError, AttributeError):
        return 4.0
