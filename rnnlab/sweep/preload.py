"""Importing this module imports what workers need, so that those that are forked from this process have it already.

An import that fails is left to the worker, which tells the command of it."""

from contextlib import suppress

with suppress(BaseException):
    import rnnlab.sweep.worker  # noqa: F401
