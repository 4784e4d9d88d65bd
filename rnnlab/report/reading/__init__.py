"""From a folder of runs to plain data."""
