"""study.json in a study's folder: what the study asks and claims, and which runs belong to its answer.

A sweep writes it; the report reads it, and can do without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rnnlab.options import ConfigError, counted
from rnnlab.records import claims
from rnnlab.records.claims import Claim
from rnnlab.records.files import RecordError, UnknownSchemaError, in_utf8, read_json, to_json, write_text

STUDY = "study.json"
SCHEMA = 1


@dataclass(frozen=True)
class Looks:
    """Looks at a growing number of seeds: rnnlab/statistics/looks.py says why they are planned.

    planned: the number of seeds at each look.  taken: for each look taken, the claims that needed its seeds, by their
    places in the list of claims; the first look is taken for all of them.  A look is taken from the moment before its
    runs are computed.
    """

    planned: tuple[int, ...]
    taken: tuple[tuple[int, ...], ...] = ()

    @property
    def seeds_taken(self) -> tuple[int, ...]:
        """The number of seeds at each look taken."""
        return self.planned[: len(self.taken)]


@dataclass(frozen=True)
class StudyFile:
    """The content of study.json.

    study_sha256: the hash of the file in experiments/ that describes the study, if there is one.
    expected: the names of the run folders that have been asked for so far.  needed: for each claim, those of them that
    it is about; None where the file does not say.  seeds: of the runs asked for, where there are claims.
    looks: None for a sweep whose seeds were all asked for at once.
    matched_parameters: about how many parameters every network was given, by its hidden size; None: hidden sizes are
    as the study says.
    earlier: what had been planned before and was changed when there were data already, each change in words.
    """

    study: str
    question: str = ""
    source: str = ""
    command: str = ""
    study_sha256: str = ""
    expected: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    needed: tuple[frozenset[str], ...] | None = None
    seeds: tuple[int, ...] = ()
    looks: Looks | None = None
    matched_parameters: int | None = None
    earlier: tuple[str, ...] = ()

    def expecting(self, configs: Mapping[str, Mapping[str, Any]]) -> StudyFile:
        """The same study with its runs.  configs: run folder -> the run's config with dotted keys."""
        about = (frozenset(name for name, config in configs.items() if claim.side(config)) for claim in self.claims)
        seeds = {config["seed"] for config in configs.values() if "seed" in config}
        return replace(self, expected=tuple(configs), needed=tuple(about), seeds=tuple(sorted(seeds)))

    def after(self, previous: StudyFile) -> StudyFile:
        """The same study, with the plans that it had before.  previous: the study.json of the same folder.

        Who adds seeds after a look at the data tests more often than was planned, which a reader has to know."""
        before = [_compared(claim) for claim in previous.claims]
        if not any(_compared(claim) in before for claim in self.claims):
            return self
        earlier, (plan, words), (plan_before, words_before) = previous.earlier, _plan(self), _plan(previous)
        if plan_before and plan != plan_before:
            words = f"{words}, others" if words == words_before else words
            earlier = (*earlier, f"planned with {words_before}, later with {words}")
        return replace(self, earlier=earlier)


def _compared(claim: Claim) -> tuple[Any, ...]:
    """What makes two claims the same one: the words, the margin and the level may change."""
    return claim.quantity, claim.to, claim.of, claim.against, claim.than, claim.where


def _plan(file: StudyFile) -> tuple[tuple[Any, ...], str]:
    """The plan for the seeds, to be compared, and in words."""
    if file.looks:
        return ("looks", file.looks.planned), f"looks at {', '.join(map(str, file.looks.planned))} seeds"
    return file.seeds, counted(len(file.seeds), "seed")


def write_study_file(folder: Path, file: StudyFile) -> None:
    """Replace study.json in `folder`.  Raises OSError."""
    content = {
        "schema": SCHEMA,
        "study": file.study,
        "question": file.question or None,
        "source": file.source or None,
        "command": file.command,
        "study_sha256": file.study_sha256 or None,
        "expected": list(file.expected),
        "claims": [claim.as_dict() for claim in file.claims],
        # For each claim the numbers of its runs in `expected`: there is no verdict while one of them is missing.
        "claim_runs": [[n for n, name in enumerate(file.expected) if name in names] for names in file.needed or ()],
        "seeds": list(file.seeds),
        "looks": asdict(file.looks) if file.looks else None,
        "matched_parameters": file.matched_parameters,
        "earlier": list(file.earlier),
    }
    write_text(folder / STUDY, to_json(content))


def check_study_file(folder: Path) -> None:
    """Raise RecordError for a study.json that cannot be read, UnknownSchemaError for one of another version."""
    _content(folder)


def _content(folder: Path) -> dict[str, Any] | None:
    """The data of study.json; None where there is none.  Raises RecordError."""
    path = folder / STUDY
    if not os.path.lexists(path):
        return None
    content = read_json(path)
    if not isinstance(content, dict) or type(content.get("schema")) is not int:
        raise RecordError(f"{path}: not a study's file (no schema number)", [path])
    if content["schema"] != SCHEMA:
        raise UnknownSchemaError(f"{path}: schema {content['schema']}; this version reads schema {SCHEMA}", [path])
    return content


def read_study_file(folder: Path) -> tuple[StudyFile, tuple[str, ...]]:
    """study.json in `folder`, and notes for a person about what could not be read.  No entry has to be there."""
    default = StudyFile(study=in_utf8(folder.resolve().name))
    try:
        content = _content(folder)
    except RecordError as error:
        return default, (f"{STUDY} is left out: {str(error).removeprefix(f'{folder / STUDY}: ')}.",)
    if content is None:
        return default, ()
    names = ("study", "question", "source", "command", "study_sha256")
    texts: dict[str, Any] = {name: str(content[name]) for name in names if content.get(name)}
    lists: dict[str, Any] = {"expected": _folders(content.get("expected")), "earlier": _texts(content.get("earlier"))}
    matched = content.get("matched_parameters")
    file = replace(
        default,
        **texts,
        **lists,
        seeds=_whole_numbers(content.get("seeds")),
        matched_parameters=matched if type(matched) is int else None,
    )
    try:
        entries = content.get("claims") or []
        stated = claims.parse(list(map(_today, entries)) if isinstance(entries, list) else entries)
    except ConfigError as error:
        return file, (f"The claims of {STUDY} are left out: {error}.",)
    needed = _needed(content.get("claim_runs"), file.expected, len(stated))
    return replace(file, claims=stated, needed=needed, looks=_looks(content.get("looks"), len(stated))), ()


def _today(claim: Any) -> Any:
    """A claim of an older record: `rates: all` is what `tuned: []` says today, `rates: chosen` the default."""
    if not isinstance(claim, dict) or "rates" not in claim:
        return claim
    rest = {key: value for key, value in claim.items() if key != "rates"}
    return rest | ({"tuned": []} if claim["rates"] == "all" else {})


def _needed(numbers: Any, expected: tuple[str, ...], n_claims: int) -> tuple[frozenset[str], ...] | None:
    try:
        needed = tuple(frozenset(expected[n] for n in of_claim) for of_claim in numbers)
    except (TypeError, IndexError):
        return None
    return needed if len(needed) == n_claims else None


def _looks(entry: Any, n_claims: int) -> Looks | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("taken"), list):
        return None
    planned, taken = _whole_numbers(entry.get("planned")), tuple(map(_whole_numbers, entry["taken"]))
    fits = len(taken) <= len(planned) and all(n < n_claims for look in taken for n in look)
    return Looks(planned, taken) if planned and fits else None


def _whole_numbers(entry: Any) -> tuple[int, ...]:
    """A list of numbers from 0 up; anything else is none."""
    numbers = entry if isinstance(entry, list) else []
    return tuple(numbers) if all(type(n) is int and n >= 0 for n in numbers) else ()


def _folders(entry: Any) -> tuple[str, ...]:
    """A list of names of folders; anything else is none."""
    names = entry if isinstance(entry, list) else []
    fits = all(isinstance(name, str) and 0 < len(name.encode()) <= 255 and not set(name) & set("/\0") for name in names)
    return tuple(names) if fits else ()


def _texts(entry: Any) -> tuple[str, ...]:
    return tuple(map(str, entry)) if isinstance(entry, list) else ()
