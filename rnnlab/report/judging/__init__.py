"""From plain data to numbers: what the sweep varied, statistics, verdicts."""
