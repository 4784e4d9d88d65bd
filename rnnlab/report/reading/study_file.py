"""study.json: what a sweep asked, claimed and expected.  Written by the launcher; a report can do without."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.claims import Claim

STUDY = "study.json"
STUDY_SCHEMA = 1


@dataclass(frozen=True)
class StudyFile:
    """study.json: what was asked, claimed and expected.  Optional, as is each of its entries."""

    study: str
    question: str = ""
    source: str = ""
    command: str = ""
    study_sha256: str = ""
    expected: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    needed: tuple[frozenset[str], ...] | None = None  # by claim, the folders of the runs it is about; None: not said


def read_study_file(folder: Path) -> tuple[StudyFile, tuple[str, ...]]:
    default = StudyFile(study=folder.resolve().name)
    try:
        content = json.loads((folder / STUDY).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("schema") != STUDY_SCHEMA:
            return default, (f"{STUDY} is left out: this version reads schema {STUDY_SCHEMA}.",)
    except FileNotFoundError:
        return default, ()
    except (OSError, ValueError) as error:
        return default, (f"{STUDY} is left out: it cannot be read ({error}).",)
    names = ("study", "question", "source", "command", "study_sha256")
    texts = {name: str(content[name]) for name in names if content.get(name)}
    expected = content.get("expected") or ()
    expected = tuple(map(str, expected)) if isinstance(expected, list) else ()
    stated, needed, notes = (), None, ()
    try:
        stated = claims.parse(content.get("claims") or [])
        needed = tuple(frozenset(expected[n] for n in numbers) for numbers in content["claim_runs"])
    except ConfigError as error:
        notes = (f"The claims of {STUDY} are left out: {error}.",)
    except (KeyError, TypeError, IndexError):
        needed = None
    if needed is not None and len(needed) != len(stated):
        needed = None
    return StudyFile(**{"study": default.study, **texts}, expected=expected, claims=stated, needed=needed), notes
