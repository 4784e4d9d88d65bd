"""The network of a run, from the files of its record.  Nothing is imported from there, and nothing executed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rnnlab import plugins
from rnnlab.config.parse import from_record
from rnnlab.config.run import RunConfig
from rnnlab.networks.network import Network
from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError
from rnnlab.records.run import CODE, read_run
from rnnlab.records.weights import WEIGHTS, read_weights
from rnnlab.tasks.preprocessing import preprocessing_of


def network_of(folder: Path) -> Network:
    """The trained network of a run folder, for evaluation: `.train()` makes dropout act.

    Raises RecordError for a run that failed, for weights that are not there, damaged, or of another architecture, and
    ConfigError for a task, cell or activation that is not known here.  A plugin that has changed is a UserWarning."""
    record = read_run(folder)
    if record["status"] == "failed":
        last = (record["error"] or "").strip().splitlines()[-1:]
        raise RecordError(f"{folder}: the run failed and has no network ({''.join(last)})")
    path = folder / WEIGHTS
    if not path.exists():
        raise RecordError(
            f"{path}: no such file; the run was recorded with training.save_weights=false, or by an earlier version: "
            "hydra.launcher.redo=all computes it again"
        )
    weights = read_weights(path)
    found = {name if "." in name else f"core.{name}": torch.from_numpy(t) for name, t in weights.tensors.items()}
    try:
        preprocessing = preprocessing_of({key: of for key, of in weights.preprocessing.items() if key != "task"})
    except ValueError as error:
        raise RecordError(f"{path}: {error}") from None
    of_task, task = weights.preprocessing.get("task"), record["config"]["task"]["name"]
    if of_task != task:
        raise RecordError(f"{path}: not the weights of this run: its task is {task}, and theirs is {of_task}")
    output_size = len(found["readout.weight"]) if "readout.weight" in found else 1
    network = Network(_run_of(record), record, preprocessing, output_size)
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in found.items()}
    for name in sorted(wanted.keys() | there.keys()):
        if there.get(name) != wanted.get(name):
            raise RecordError(
                f"{path}: not the weights of this run's architecture: {name.removeprefix('core.')} is "
                f"{there.get(name, 'not there')}, and must be {wanted.get(name, 'not there')}"
            )
    network.load_state_dict(found, assign=True)
    return network.eval()


def _run_of(record: Mapping[str, Any]) -> RunConfig:
    """The run of a record, computed by the plugins that are loaded here.  Raises ConfigError."""
    then = {name: digest for name, digest in record["config"].get(CODE, {}).items() if name != "numerics"}
    try:
        try:
            run = from_record(record["config"])
        except ConfigError:
            plugins.use_installed()
            run = from_record(record["config"])
    except ConfigError as error:
        lacking = [name for name in then if name not in {plugin.name for plugin in plugins.loaded()}]
        if not lacking:
            raise
        raise ConfigError(
            f"{error}; the run used {', '.join(lacking)}: rnnlab.load(folder, plugins={lacking})"
        ) from None
    for plugin in plugins.loaded():
        if then.get(plugin.name, plugin.sha256) != plugin.sha256:
            changed = f"{plugin.name} has changed since run {record['run_id']} was computed"
            warnings.warn(f"{changed}; the network may answer otherwise now", stacklevel=3)
    return run
