"""Where conf/ and experiments/ lie: in the repository, or inside an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent

CONF = _ROOT / "conf"
EXPERIMENTS = _ROOT / "experiments"


def options(group: str) -> list[str]:
    """The names a config group offers: the YAML files of conf/<group>, or of experiments/."""
    folder = EXPERIMENTS if group == "experiment" else CONF / group
    return sorted(path.stem for path in folder.glob("*.yaml"))


def groups() -> list[str]:
    """The config groups, experiment last."""
    return [*sorted(path.name for path in CONF.iterdir() if path.is_dir()), "experiment"]
