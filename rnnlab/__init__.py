"""rnnlab: which activation for which recurrent network?  A sweep harness that answers with numbers."""

__version__ = "0.1.0"
