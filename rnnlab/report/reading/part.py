"""A part of a study: the runs that meet conditions, as a study of their own that says what it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnnlab.options import ConfigError
from rnnlab.records.conditions import Condition, check, meet, parse
from rnnlab.report.reading.study import Run, Study

LONGEST = 80  # letters of the conditions in the name of the folder


@dataclass(frozen=True)
class Part:
    """only: conditions on settings.  where: conditions on how runs ended, and on their metrics."""

    only: tuple[Condition, ...] = ()
    where: tuple[Condition, ...] = ()

    @property
    def words(self) -> str:
        return " and ".join(condition.text for condition in (*self.only, *self.where))

    @property
    def folder(self) -> str:
        """A name for its folder, another one for other conditions: cell.activation=relu-0a1b2c3d."""
        stated = sorted(condition.text for condition in self.only), sorted(condition.text for condition in self.where)
        letters = re.sub(r"[^\w.=,+-]+", "_", "_".join((*stated[0], *stated[1])))[:LONGEST]
        return f"{letters.strip('.')}-{hashlib.sha256(repr(stated).encode()).hexdigest()[:8]}"


def parse_part(only: Sequence[str], where: Sequence[str]) -> Part:
    """Raises ConfigError for a word that is no condition."""
    return Part(tuple(map(parse, only)), tuple(map(parse, where)))


def results_of(run: Run) -> dict[str, Any]:
    """How a run ended, and its metrics, by name."""
    names = ("run_id", "folder", "status", "outcome", "diverged", "diverged_at_step", "steps_done")
    return {name: getattr(run, name) for name in names} | dict(run.metrics)


def part_of(study: Study, part: Part) -> Study:
    """The runs of the part.  Raises ConfigError for conditions on what no run has, and where no run meets them.

    A claim that needs a run outside of the part is left out; and all are where runs were chosen by their results, as
    whoever looks at results first and then chooses runs by them can show anything."""
    try:
        check(part.only, [run.config for run in study.members])
    except ConfigError as error:
        raise ConfigError(f"--only: {error}") from None
    try:
        check(part.where, [results_of(run) for run in study.members])
    except ConfigError as error:
        raise ConfigError(f"--where: {error}") from None
    members = tuple(run for run in study.members if meet(run.config, part.only) and meet(results_of(run), part.where))
    if not members:
        raise ConfigError(f"no run of the study meets {part.words}")
    folders = {run.folder for run in members}
    whole, file = len(study.members), study.file
    kept = [n for n, names in enumerate(file.needed or ()) if names <= folders and not part.where]
    looks = file.looks if kept == list(range(len(file.claims))) else None  # a look names claims by their places
    notes = [_note(part, len(members), whole)]
    if n_left_out := len(file.claims) - len(kept):
        reason = "runs were chosen by their results" if part.where else "they need runs outside of this part"
        notes.append(f"{n_left_out} of {len(file.claims)} claims are left out, as {reason}.")
    unknown = len(study.problems) - sum(problem.kind in ("failed", "repeated") for problem in study.problems)
    if unknown := unknown + (len(study.running.names) if study.running else 0):
        words = "have no record; which of them belong to this part is not known"
        notes.append(f"{unknown:,} more runs of the study {words}.")
    return replace(
        study,
        file=replace(
            file,
            study=f"{file.study}, part: {part.words}",
            expected=tuple(name for name in file.expected if name in folders),
            claims=tuple(file.claims[n] for n in kept),
            needed=tuple((file.needed or ())[n] for n in kept),
            looks=looks,
        ),
        members=members,
        curves={run.run_id: study.curves[run.run_id] for run in members if run.run_id in study.curves},
        problems=tuple(problem for problem in study.problems if problem.name in folders),
        notes=(*notes, *study.notes),
        running=None,
    )


def _note(part: Part, n: int, n_whole: int) -> str:
    text = f"This is a part of the study: {n:,} of {n_whole:,} runs that have ended, those with {part.words}."
    if part.where:
        text += " They were chosen by their results, so a comparison of them shows how they were chosen, too."
    return text
