"""From many runs to many records: which runs share a pack, who computes packs, and what becomes of results."""

FAILED: list[str] = []  # folders of the runs that failed in this process's sweeps, for the command to count at its end
