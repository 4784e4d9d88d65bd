"""Packs that are computed on another machine: what goes there and what comes back is plain data, JSON and no pickle.

    pack    {"format": 1, "rnnlab": "0.9.0", "device": "cpu", "backend": "auto", "checkpoint_folder": "/a/b" or null,
             "checkpoint_s": "60.0", "watched": "/a" or null, "plugins": [{"name", "sha256", "text", "path"}, ...],
             "runs": [{"run_id": "0123456789ab", "config": {"task": {"name": "sines", ...}, ..., "seed": 0}}, ...]}
    result  {"format": 1, "provenance": {...},
             "runs": [{"run_id", "status", "diverged", "objective", "summary", "refusal",
                       "files": {"run.json": text, ...}, "binary": {"weights.safetensors": base64}}, ...]}

A config is read as a command line is, with the same checks, and must have the same run_id as on the machine that it
comes from.  A plugin is imported only if its digest is that of its text, and is one of the digests that the command
named.  Names of files in a result are names alone, without folders.
"""

from __future__ import annotations

import base64
import json
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args

from rnnlab import plugins
from rnnlab.config.parse import from_node
from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError
from rnnlab.records.run import Status
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.finished import FinishedRun
from rnnlab.sweep.worker import Say, work_on
from rnnlab.version import __version__

FORMAT = 1


def pack_to_text(pack: Pack) -> str:
    """The pack as a machine needs it that writes no records itself."""
    return _to_json(
        {
            "format": FORMAT,
            "rnnlab": __version__,
            "device": pack.device,
            "backend": pack.backend,
            "checkpoint_folder": None if pack.checkpoint_folder is None else str(pack.checkpoint_folder),
            "checkpoint_s": str(pack.checkpoint_s),
            "watched": None if pack.watched is None else str(pack.watched),
            "plugins": [vars(plugin) for plugin in pack.used_plugins()],
            "runs": [{"run_id": run.run_id, "config": run.as_node()} for run in pack.runs],
        }
    )


def pack_from_text(text: str, digests: Collection[str]) -> Pack:
    """The pack, with its plugins imported.  digests: of the plugins that the command named.

    Raises ConfigError where this machine cannot compute the pack: it lacks a data file, has another version of rnnlab
    or of a plugin, or the text is damaged."""
    try:
        data = _read(text)
        found = [
            plugins.Plugin(plugin["name"], plugin["sha256"], plugin["text"], plugin["path"])
            for plugin in data["plugins"]
        ]
        stated = [(run["run_id"], run["config"]) for run in data["runs"]]
        folder, watched = (Path(data[name]) if data.get(name) else None for name in ("checkpoint_folder", "watched"))
        rest = (data["device"], data["backend"], folder, float(data["checkpoint_s"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{platform.node()}: a damaged pack ({type(error).__name__}: {error})") from None
    for plugin in found:
        if plugin.sha256 not in digests:
            raise ConfigError(f"{platform.node()}: plugins: {plugin.name!r}; the command has named no such plugin")
        plugins.arrived(plugin.name, plugin.sha256, plugin.text, plugin.path)
    return Pack([_run(run_id, config, data["rnnlab"]) for run_id, config in stated], *rest, watched=watched)


def _run(run_id: str, config: Mapping[str, Any], version: str) -> RunConfig:
    """Raises ConfigError: it is the machine that is wrong, and the run does not count as failed."""
    try:
        run = from_node(config)
    except ConfigError as error:
        raise ConfigError(f"{platform.node()}: {error}; data files must lie on every node") from None
    if run.run_id != run_id:
        raise ConfigError(
            f"{platform.node()}: run {run_id} would be run {run.run_id} here; rnnlab is {__version__} here, and "
            f"{version} where the command was started"
        )
    return run


def work_elsewhere(text: str, digests: Collection[str], say: Say | None = None) -> str:
    """Compute a pack that came as text: the result as text.  Raises ConfigError as pack_from_text does.

    say: see `work_on`."""
    return result_to_text(*work_on(pack_from_text(text, digests), say))


def result_to_text(runs: Sequence[FinishedRun], provenance: Mapping[str, Any]) -> str:
    return _to_json({"format": FORMAT, "provenance": provenance, "runs": [_plain(run) for run in runs]})


def result_from_text(text: str, pack: Pack) -> tuple[list[FinishedRun], dict[str, Any]]:
    """The runs of the pack, in its order, and their provenance.  The result may hold more runs: an earlier command
    asked for them.  Raises ValueError for a damaged text."""
    try:
        data = _read(text)
        provenance = dict(data["provenance"])
        runs = {run.run_id: run for run in map(_finished, data["runs"])}
        return [runs[run.run_id] for run in pack.runs], provenance
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _plain(run: FinishedRun) -> dict[str, Any]:
    values = {key: value for key, value in vars(run).items() if key != "files"}
    values["objective"] = str(run.objective)
    values["files"] = {name: content for name, content in run.files.items() if isinstance(content, str)}
    values["binary"] = {
        name: base64.b64encode(content).decode() for name, content in run.files.items() if isinstance(content, bytes)
    }
    return values


def _finished(values: Mapping[str, Any]) -> FinishedRun:
    files: dict[str, str | bytes] = dict(values["files"])
    files |= {name: base64.b64decode(content, validate=True) for name, content in values["binary"].items()}
    for name, content in files.items():
        if name in ("", ".", "..") or PurePosixPath(name).name != name or PureWindowsPath(name).name != name:
            raise ValueError(f"{name!r} is no name of a file of a record")
        if not isinstance(content, (str, bytes)):
            raise ValueError(f"{name!r} holds no text")
    if values["status"] not in get_args(Status):
        raise ValueError(f"the status {values['status']!r}")
    rest = {key: value for key, value in values.items() if key not in ("files", "binary", "objective")}
    return FinishedRun(files=files, objective=float(values["objective"]), **rest)


def _to_json(data: Mapping[str, Any]) -> str:
    """In ASCII, so that every text can be written."""
    return json.dumps(data, allow_nan=False)


def _read(text: str) -> dict[str, Any]:
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    return data
