"""The version of rnnlab, and of the numbers that it computes."""

__version__ = "0.1.0"

# Part of the identity of every run.  A release in which the same config gives other numbers counts it up, so that its
# runs are new ones.  Records without it count as 1.
NUMERICS = 1
