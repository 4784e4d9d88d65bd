"""rnnlab: which activation for which recurrent network?  A sweep harness that answers with numbers.

result = rnnlab.run({"task": "sines", "cell.activation": "relu"})   one run; result.metrics, result.curves
results = rnnlab.sweep("activations", seeds=20)                      a study: every combination, and its report
results = rnnlab.load("outputs/activations")                         what was recorded before; docs/python.md
network = results.best(task="sines")                network.predict(data): the trained network (docs/network.md)
rnn = rnnlab.RNN(2, 32, activation="elu")           a module of PyTorch, as LSTM and GRU (docs/modules.md)
@rnnlab.activation("bump")                          one's own in a file of one's own (docs/plugins.md)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Before the function of this name is defined: a room that is first imported later would take its place.
import rnnlab.sweep  # noqa: F401
from rnnlab.options import ConfigError as ConfigError
from rnnlab.version import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from rnnlab.nets.activations import Activation as Activation
    from rnnlab.nets.activations import register as activation  # noqa: F401
    from rnnlab.nets.cells import Cell as Cell
    from rnnlab.nets.cells import CellOptions as CellOptions
    from rnnlab.nets.cells import GatedOptions as GatedOptions
    from rnnlab.nets.cells import StepCell as StepCell
    from rnnlab.nets.cells import register as cell  # noqa: F401
    from rnnlab.nets.initializers import register as initializer  # noqa: F401
    from rnnlab.nets.kernels.forms import vector_form as vector_form
    from rnnlab.nets.modules import GRU as GRU
    from rnnlab.nets.modules import LSTM as LSTM
    from rnnlab.nets.modules import RNN as RNN
    from rnnlab.nets.optimizers import Optimizer as Optimizer
    from rnnlab.nets.optimizers import OptimizerOptions as OptimizerOptions
    from rnnlab.nets.optimizers import register as optimizer  # noqa: F401
    from rnnlab.networks.results import Result, Results
    from rnnlab.options import choice as choice
    from rnnlab.options import number as number
    from rnnlab.options import option as option
    from rnnlab.tasks import Task as Task
    from rnnlab.tasks import register as task  # noqa: F401
    from rnnlab.tasks.curves import Curve as Curve

# What is imported when it is used: name -> module, and its name there.  First the modules, then what plugins need.
_WHEN_USED = {
    "GRU": ("rnnlab.nets.modules", "GRU"),
    "LSTM": ("rnnlab.nets.modules", "LSTM"),
    "RNN": ("rnnlab.nets.modules", "RNN"),
    "activation": ("rnnlab.nets.activations", "register"),
    "cell": ("rnnlab.nets.cells", "register"),
    "initializer": ("rnnlab.nets.initializers", "register"),
    "optimizer": ("rnnlab.nets.optimizers", "register"),
    "task": ("rnnlab.tasks", "register"),
    "vector_form": ("rnnlab.nets.kernels.forms", "vector_form"),
    "Activation": ("rnnlab.nets.activations", "Activation"),
    "Cell": ("rnnlab.nets.cells", "Cell"),
    "StepCell": ("rnnlab.nets.cells", "StepCell"),
    "CellOptions": ("rnnlab.nets.cells", "CellOptions"),
    "GatedOptions": ("rnnlab.nets.cells", "GatedOptions"),
    "Optimizer": ("rnnlab.nets.optimizers", "Optimizer"),
    "OptimizerOptions": ("rnnlab.nets.optimizers", "OptimizerOptions"),
    "Task": ("rnnlab.tasks", "Task"),
    "Curve": ("rnnlab.tasks.curves", "Curve"),
    "choice": ("rnnlab.options", "choice"),
    "number": ("rnnlab.options", "number"),
    "option": ("rnnlab.options", "option"),
}


def load(folder: str | PathLike[str], *, plugins: Sequence[str | PathLike[str]] = ()) -> Results:
    """The records of a study folder, outputs/<study>: pandas tables, and the trained networks.

    plugins: files and modules, as ["my.py"], that the networks need; nothing is imported because a record names it.
    Raises StudyError where no run can be read, and ConfigError for a plugin that cannot be imported."""
    from rnnlab.networks.results import load

    return load(folder, plugins)


def run(
    config: Mapping[str, object] | Sequence[str] = (),
    /,
    *,
    folder: str | PathLike[str] | None = None,
    config_dir: str | PathLike[str] | None = None,
    **values: object,
) -> Result:
    """Train one run in this process and write its record, as the command `rnnlab key=value ...` does.

        rnnlab.run({"task": "sines", "cell": {"activation": "relu"}, "cell.hidden_size": 64})
        rnnlab.run(["task=sines", "cell.activation=relu"], seed=3)

    config: options by key, with dots or nested, or overrides as on the command line.  values: more of them, by name,
    in the place of those in config.
    folder: where the run's folder is made; None: outputs/<study>, with study=scratch unless another is given.
    config_dir: a folder with your own studies, as --config-dir.

    Raises ConfigError, in one line, for what cannot be used, and RunFailed (rnnlab.sweep.finished) when the run raises.
    A run that diverges is a result.  Calls from several threads wait for each other."""
    from rnnlab import api

    return api.run(config, values, folder, config_dir)


def sweep(
    experiment: str | None = None,
    /,
    *,
    seeds: int | Sequence[int] | None = None,
    overrides: Sequence[str] = (),
    folder: str | PathLike[str] | None = None,
    config_dir: str | PathLike[str] | None = None,
    n_workers: int | None = None,
    engine: str | None = None,
    redo: str | None = None,
    dry_run: bool | None = None,
    report: bool | None = None,
    **axes: object,
) -> Results | None:
    """Train every combination, write the records and the report, as the command `rnnlab -m ...` does.

        rnnlab.sweep("activations", seeds=20)
        rnnlab.sweep(task="sines", seeds=5, **{"cell.activation": ["tanh", "relu"], "optimizer.learning_rate": 0.01})
        rnnlab.sweep("activations", until="decided")

    experiment: a study of experiments/ or of config_dir, which is a folder as of --config-dir.  seeds: how many, from 0
    up, or which.  axes: options by key, with dots or nested; a list, range or array is swept, anything else is one
    value.  overrides: the same as on the command line, "cell.activation=tanh,relu".  folder: of the study; None:
    outputs/<study>.  The others are options of the launcher (rnnlab/sweep/options.py), whose defaults they have.

    What is in the folder already is not computed again.  Returns all that is in the folder, also from earlier
    calls; None after dry_run=True, which trains nothing and prints what would be trained.

    Raises ConfigError, in one line, for what cannot be used, before anything trains; EngineError (rnnlab.sweep.engine)
    when the engine cannot go on.  Runs that fail are named on stderr, and by `problems` of the result.  After Ctrl-C,
    or "interrupt" in a notebook, the same call continues.  A script needs no `if __name__ == "__main__":` for it,
    except on Windows.  Calls from several threads wait for each other."""
    from rnnlab import api

    options = dict(n_workers=n_workers, engine=engine, redo=redo, dry_run=dry_run, report=report)
    return api.sweep(experiment, axes, seeds, overrides, folder, config_dir, options)


def __getattr__(name: str) -> Any:
    if name not in _WHEN_USED:
        raise AttributeError(f"module 'rnnlab' has no attribute {name!r}")
    module, known_as = _WHEN_USED[name]
    return getattr(import_module(module), known_as)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHEN_USED})
