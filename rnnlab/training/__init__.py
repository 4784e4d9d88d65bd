"""From RunConfigs to RunResults: a pack of runs trained side by side."""
