"""Where conf/ and experiments/ lie, in the repository or inside an installed wheel, and which names there are."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent

CONF = _ROOT / "conf"
EXPERIMENTS = _ROOT / "experiments"

_REGISTERED_IN = {"cell": "nets/cells", "optimizer": "nets/optimizers", "task": "tasks"}
_REGISTERED = re.compile(r'^@register\("(\w+)"', re.MULTILINE)


def groups() -> list[str]:
    """The config groups, experiment last."""
    return [*_REGISTERED_IN, "experiment"]


def options(group: str) -> list[str]:
    """The names that rnnlab's own files offer in a group, sorted.

    Of a group with a registry they are read from the text of its files: importing those takes longer than all the rest
    of `rnnlab --help`.  What is registered elsewhere is known to the registry alone."""
    if group == "experiment":
        return sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))
    files = (_PACKAGE / _REGISTERED_IN[group]).glob("*.py")
    return sorted(name for file in files for name in _REGISTERED.findall(file.read_text(encoding="utf-8")))
