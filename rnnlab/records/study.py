"""study.json in a study's folder: what the study asks and claims, and which runs belong to its answer.

A sweep writes it; the report reads it, and can do without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.claims import Claim
from rnnlab.records.files import to_json, write_text

STUDY = "study.json"
SCHEMA = 1


@dataclass(frozen=True)
class StudyFile:
    """The content of study.json.

    study_sha256: the hash of the file in experiments/ that describes the study, if there is one.
    expected: the names of the run folders.  needed: for each claim, the run folders that it is about; None where the
    file does not say.
    """

    study: str
    question: str = ""
    source: str = ""
    command: str = ""
    study_sha256: str = ""
    expected: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    needed: tuple[frozenset[str], ...] | None = None

    def expecting(self, configs: Mapping[str, Mapping[str, Any]]) -> StudyFile:
        """The same study with its runs.  configs: run folder -> the run's config with dotted keys."""
        about = (frozenset(name for name, config in configs.items() if claim.side(config)) for claim in self.claims)
        return replace(self, expected=tuple(configs), needed=tuple(about))


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
    }
    write_text(folder / STUDY, to_json(content))


def read_study_file(folder: Path) -> tuple[StudyFile, tuple[str, ...]]:
    """study.json in `folder`, and notes for a person about what could not be read.  No entry has to be there."""
    default = StudyFile(study=folder.resolve().name)
    try:
        content = json.loads((folder / STUDY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default, ()
    except (OSError, ValueError) as error:
        return default, (f"{STUDY} is left out: it cannot be read ({error}).",)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return default, (f"{STUDY} is left out: this version reads schema {SCHEMA}.",)
    names = ("study", "question", "source", "command", "study_sha256")
    texts: dict[str, Any] = {name: str(content[name]) for name in names if content.get(name)}
    listed = content.get("expected")
    file = replace(default, **texts, expected=tuple(map(str, listed)) if isinstance(listed, list) else ())
    try:
        stated = claims.parse(content.get("claims") or [])
    except ConfigError as error:
        return file, (f"The claims of {STUDY} are left out: {error}.",)
    needed = _needed(content.get("claim_runs"), file.expected, len(stated))
    return replace(file, claims=stated, needed=needed), ()


def _needed(numbers: Any, expected: tuple[str, ...], n_claims: int) -> tuple[frozenset[str], ...] | None:
    try:
        needed = tuple(frozenset(expected[n] for n in of_claim) for of_claim in numbers)
    except (TypeError, IndexError):
        return None
    return needed if len(needed) == n_claims else None
