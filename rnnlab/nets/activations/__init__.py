"""Activations: the function phi applied to every pre-activation a, its slope phi'(a), and what is known of it.

base.py says what an activation is.  To add one: a file in this folder with a class that derives from Activation, under
`@register("name")`.  Its fields are its parameters: `negative_slope: float = number(0.01, about="...")` can then be set
by cell.negative_slope.  The contract tests hold every stated fact, and gradcheck holds the slope.
"""

from importlib import import_module
from pkgutil import iter_modules

from rnnlab.nets.activations.base import ACTIVATIONS, Activation, PackActivation, make_activation, register

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["ACTIVATIONS", "Activation", "PackActivation", "make_activation", "register"]
