"""What Hydra composed, or what a record holds, into a checked RunConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from rnnlab import plugins
from rnnlab.config.architecture import parameters_to_match, with_matched_hidden_size
from rnnlab.config.keys import build, options_of
from rnnlab.config.run import GROUPS, LONGEST_NAME, PARTS, SECTIONS, TOP_LEVEL, RunConfig, checked_seed, options_class
from rnnlab.config.until import until_of
from rnnlab.nets.backends import BACKENDS
from rnnlab.options import ConfigError, check_choice, shown
from rnnlab.records.run import CODE


def from_node(node: DictConfig | Mapping[str, Any]) -> RunConfig:
    """What was composed -> RunConfig, without what only surrounds the run.  Where match.parameters is given, the hidden
    size follows from it.  Raises ConfigError."""
    unknown = [str(key) for key in node if key not in (*TOP_LEVEL, CODE)]
    if unknown:
        raise ConfigError(f"{unknown[0]}: no such key; at the top there are {', '.join(TOP_LEVEL)}")
    n_parameters = parameters_to_match(node.get("match"))
    node = _plain(node)
    parts = _parts(node)
    parts["task"] = parts["task"].fingerprinted()
    if n_parameters:
        parts["cell"] = with_matched_hidden_size(parts["task"], parts["cell"], parts["readout"], n_parameters)
    run = RunConfig(**parts, seed=checked_seed(node.get("seed", 0)))
    _check_fit(run)
    return run


def from_record(config: Mapping[str, Any]) -> RunConfig:
    """The run of a record, from its config.  The files of its task need not be there, so nothing is checked against
    them.  Raises ConfigError for names and keys that are not known here."""
    return RunConfig(**_parts(config), seed=checked_seed(config.get("seed", 0)))


def idle_options(node: DictConfig | Mapping[str, Any], run: RunConfig) -> dict[str, str]:
    """Which options were set to something else than their default although they do not act in the run, each with the
    reason: {"cell.negative_slope": "cell.activation=tanh"}.

    node: the composed values.  run: what from_node made of them."""
    node, found, config = _plain(node), {}, run.as_dict()
    for part in PARTS:
        acting, values = config[part], node.get(part) or {}
        section = options_class(part, acting["name"]) if part in GROUPS else SECTIONS[part]
        for option in options_of(section):
            key = f"{part}.{option.key}"
            if option.key in acting or option.key not in values or not option.rules[0].identifies:
                continue
            if option.typed(values[option.key], part) != option.default:
                of = option.of or option.key
                found[key] = run.idle.get(f"{part}.{of}") or f"{part}.{of}={acting[of]}"
    return found


def idle_in_words(idle: Mapping[str, str]) -> str:
    """What `idle_options` found, in one line: "cell.dropout does not act with cell.num_layers=1"."""
    by_reason: dict[str, list[str]] = {}
    for key, reason in idle.items():
        by_reason.setdefault(reason, []).append(key)
    return "; ".join(
        f"{' and '.join(keys)} {'does' if len(keys) == 1 else 'do'} not act with {reason}"
        for reason, keys in by_reason.items()
    )


def check_surroundings(config: DictConfig) -> None:
    """Raise ConfigError for what surrounds a run and cannot be used: device, backend, study, until, plugins."""
    check_choice("device", config.device, ("cpu", "cuda"))
    check_choice("backend", config.backend, BACKENDS)
    if not _is_folder_name(study := config.study):
        must = f"a folder's name of at most {LONGEST_NAME} bytes, without slashes, not starting with a dot"
        raise ConfigError(f"study: {shown(study)}; must be {must}")
    until_of(config)
    plugins.check_loaded(plugins.listed(config.get("plugins")))


def _is_folder_name(name: object) -> bool:
    if not isinstance(name, str) or not name.isprintable() or not name.strip() or name.startswith("."):
        return False
    return not set(name) & set("/\\") and len(name.encode()) <= LONGEST_NAME


def _plain(node: DictConfig | Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a composed config belongs to the run, as plain data with interpolations resolved."""
    if not isinstance(node, DictConfig):
        return node
    parts = {key: node[key] for key in (*PARTS, "seed") if key in node}
    return {key: OmegaConf.to_container(p, resolve=True) if OmegaConf.is_config(p) else p for key, p in parts.items()}


def _parts(node: Mapping[str, Any]) -> dict[str, Any]:
    """The options of all parts of a run."""
    sections = {key: build(section, node.get(key) or {}, key) for key, section in SECTIONS.items()}
    return {group: _chosen(group, node.get(group)) for group in GROUPS} | sections


def _chosen(group: str, values: Any) -> Any:
    """The options of the group's member that is named in the values."""
    name = values.get("name") if isinstance(values, Mapping) else None
    check_choice(group, name, GROUPS[group])
    return build(options_class(group, str(name)), {key: value for key, value in values.items() if key != "name"}, group)


def _check_fit(run: RunConfig) -> None:
    """What single values cannot show."""
    run.task.check()
    if run.task.loss == "mse" and run.readout.activation == "softmax" and run.task.output_size == 1:
        raise ConfigError("readout.activation: 'softmax'; of a single output is always 1; one of linear, sigmoid, ...")
    if run.cell.embedding_size and not run.task.tokens:
        raise ConfigError(
            f"cell.embedding_size: {run.cell.embedding_size}; must be null, task {run.task.name} reads numbers"
        )
    run.cell.check()
    if run.cell.num_layers == 0 and run.task.tokens:
        raise ConfigError(f"cell.num_layers: 0; must be at least 1, task {run.task.name} reads tokens")
    if run.training.fresh and not run.task.generates:
        raise ConfigError(f"training.fresh: true; must be false, task {run.task.name} has a fixed training set")
    _check_batch_size(run)


def _check_batch_size(run: RunConfig) -> None:
    n_train, batch_size = run.task.n_train, run.training.batch_size
    if run.training.fresh:
        if batch_size is None:
            raise ConfigError("training.batch_size: null; must be a number where training.fresh=true")
    elif batch_size is not None and batch_size > n_train:
        raise ConfigError(
            f"training.batch_size: {batch_size}; must be at most {n_train}, the size of the training set "
            "(null: all of it)"
        )
