"""Optimisers with every number per lane: learning rates and all are vectors over the run axis.

base.py says what an optimiser is.  To add one: a file in this folder with a class that derives from Optimizer, with its
options as the nested dataclass Options, under `@register("name")`.
"""

from importlib import import_module
from pkgutil import iter_modules

from rnnlab.nets.optimizers.base import OPTIMIZERS, Optimizer, OptimizerOptions, register
from rnnlab.nets.optimizers.clipping import clip_by_global_norm, clip_by_value

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["OPTIMIZERS", "Optimizer", "OptimizerOptions", "clip_by_global_norm", "clip_by_value", "register"]
