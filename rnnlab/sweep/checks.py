"""What is checked of a sweep before anything trains: its configs as runs, and its claims."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnlab.config.run import RunConfig, from_node, idle_in_words, idle_options
from rnnlab.options import ConfigError, dotted
from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.sweep.entries import check_entries


def checked_runs(configs: Iterable[Mapping[str, Any]], shared: Mapping[str, Any]) -> list[RunConfig]:
    """Every composed config as a RunConfig, in order.  shared: the keys whose value is one for the whole sweep.

    Says on stderr, in one line, which options were set although they do not act, what is to be known of the data, and
    how many runs differ, where some are equal.  Raises ConfigError with the complaint that most configs
    share, and how many these are."""
    runs: list[RunConfig] = []
    idle: dict[str, str] = {}
    complaints: Counter[str] = Counter()
    for config in configs:
        try:
            for key, value in shared.items():
                if config[key] != value:
                    raise ConfigError(f"{key}: {config[key]!r} and {value!r}; must be one for all runs of a sweep")
            runs.append(from_node(config))
            check_entries(runs[-1])
            idle |= idle_options(config, runs[-1])
        except ConfigError as error:
            complaints[str(error)] += 1
    n_configs = len(runs) + complaints.total()
    if not n_configs:
        raise ConfigError("nothing to sweep: one of the swept values is an empty range or list")
    if complaints:
        complaint, n = complaints.most_common(1)[0]
        others = f"; {len(complaints) - 1} other complaints" if len(complaints) > 1 else ""
        raise ConfigError(f"{complaint} ({n} of {n_configs} runs{others}; nothing was trained)")
    n_different = len({run.run_id for run in runs})
    remarks = [idle_in_words(idle)] if idle else []
    remarks += dict.fromkeys(remark for task in dict.fromkeys(run.task for run in runs) for remark in task.remarks)
    if n_different < len(runs):
        remarks.append(f"{n_different} different runs of {len(runs)}; equal runs are trained once")
    if remarks:
        print(f"rnnlab: {'; '.join(remarks)}", file=sys.stderr)
    return runs


def with_runs(study: StudyFile, runs: Sequence[RunConfig]) -> StudyFile:
    """The study with its runs.  Raises ConfigError for a claim about runs that are not among them."""
    configs = {run.folder: dotted(run.as_dict()) if study.claims else {} for run in runs}
    if study.claims:
        claims.check(study.claims, list(configs.values()))
    return study.expecting(configs)
