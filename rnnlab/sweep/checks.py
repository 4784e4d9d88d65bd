"""What is checked of a sweep before anything trains: its configs as runs, and its claims."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from rnnlab.config.parse import from_node, idle_in_words, idle_options
from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError, counted, dotted, in_one_line, shown
from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.sweep.entries import check_entries


def checked_runs(
    configs: Iterable[Mapping[str, Any]], shared: Mapping[str, Any], conditions: Sequence[Hashable] | None = None
) -> list[RunConfig]:
    """Every composed config as a RunConfig, in order.  shared: the keys whose value is one for the whole sweep.
    conditions: for each config a key; configs with one key differ in nothing but the seed, and the rest of them is
    checked once.

    Says on stderr, in one line, which options were set although they do not act, what is to be known of the data, and
    how many runs differ, where some are equal.  Raises ConfigError with the complaint that most configs
    share, and how many these are."""
    runs: list[RunConfig] = []
    idle: dict[str, str] = {}
    complaints: Counter[str] = Counter()
    known: dict[Hashable, RunConfig | str] = {}
    keys = itertools.count() if conditions is None else conditions
    for condition, config in zip(keys, configs, strict=conditions is not None):
        first = known.get(condition)
        try:
            if isinstance(first, RunConfig):
                runs.append(first.with_seed(config.get("seed", 0)))
            elif first is not None:
                raise ConfigError(first)
            else:
                _check_shared(config, shared)
                runs.append(from_node(config))
                check_entries(runs[-1])
                known[condition] = runs[-1]
                idle |= idle_options(config, runs[-1])
        except ConfigError as error:
            complaints[str(error)] += 1
            if not str(error).startswith("seed: "):
                known.setdefault(condition, str(error))
    n_configs = len(runs) + complaints.total()
    if not n_configs:
        raise ConfigError("nothing to sweep: one of the swept values is an empty range or list")
    if complaints:
        complaint, n = complaints.most_common(1)[0]
        others = f"; {counted(len(complaints) - 1, 'other complaint')}" if len(complaints) > 1 else ""
        raise ConfigError(f"{complaint} ({n} of {counted(n_configs, 'run')}{others}; nothing was trained)")
    n_different = len({run.run_id for run in runs})
    remarks = [idle_in_words(idle)] if idle else []
    tasks = dict.fromkeys(run.task for run in one_of_each_condition(runs))
    remarks += dict.fromkeys(remark for task in tasks for remark in task.remarks)
    if n_different < len(runs):
        remarks.append(f"{counted(n_different, 'different run')} of {len(runs):,}; equal runs are trained once")
    if remarks:
        print(f"rnnlab: {in_one_line('; '.join(remarks))}", file=sys.stderr)
    return runs


def one_of_each_condition(runs: Iterable[RunConfig]) -> list[RunConfig]:
    """One run of those that share their sections: what is the same for all seeds need not be asked of each."""
    return list({id(run.parts): run for run in runs}.values())


def _check_shared(config: Mapping[str, Any], shared: Mapping[str, Any]) -> None:
    for key, value in shared.items():
        if config[key] != value:
            raise ConfigError(f"{key}: {shown(config[key])} and {shown(value)}; must be one for all runs of a sweep")


def with_runs(study: StudyFile, runs: Sequence[RunConfig]) -> StudyFile:
    """The study with its runs.  Raises ConfigError for a claim about runs that are not among them."""
    if not study.claims:
        nothing: dict[str, Any] = {}
        return study.expecting({run.folder: nothing for run in runs})
    first = one_of_each_condition(runs)
    shared = {id(run.parts): dotted(run.as_dict()) for run in first}
    configs = {run.folder: {**shared[id(run.parts)], "seed": run.seed} for run in runs}
    about_seeds = any("seed" in (*claim.keys, *claim.where) for claim in study.claims)
    claims.check(study.claims, [configs[run.folder] for run in (runs if about_seeds else first)])
    return study.expecting(configs)
