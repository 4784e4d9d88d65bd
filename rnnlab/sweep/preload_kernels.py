"""Importing this module loads the kernels, so that the workers that are forked from this process have them already."""

from contextlib import suppress

with suppress(BaseException):  # a worker that needs kernels says why there are none
    from rnnlab.nets.backends.choice import cannot_compile

    cannot_compile()
