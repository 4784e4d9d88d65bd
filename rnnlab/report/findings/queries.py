"""What the opening marker of a block asks for: its kind, and the keys of that kind.

    runs                                            what was run, and where its tables are
    claims                                          the verdicts of the study's claims
    table rows=KEYS values=VALUES [columns=KEYS] [where=CONDITION ...] [tuned=KEYS] [published=ROW:NUMBER ...]
    figure NAME                                     a figure of the report
    counts from=FOLDER                              of all studies of a folder: how many claims have which verdict
    findings from=FOLDER                            the same, one row for each claim
    pictures from=FOLDER                            the same, the first figure of each page
    published from=FOLDER                           the same, the rows that have a published number

Words are separated by spaces and may stand in quotes; what is several is separated by commas.  A value is score,
learned, diverged, diverged_at_step, a metric, a diagnostic, or updates(score>=0.5); with :quartiles or :range behind
it, the spread over runs stands beside its median.  published=rnn,tanh:98.3% puts what a source prints beside the row
rnn, tanh: it is a number of the first value.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rnnlab.options import ConfigError, counted
from rnnlab.records import conditions
from rnnlab.records.claims import OUTCOMES
from rnnlab.records.conditions import Condition
from rnnlab.records.groups import near
from rnnlab.records.metrics import metric_of
from rnnlab.report.findings.markers import Block

TUNING = "tuning_score"  # what chooses the settings that are tuned
DIVERGED_AT = "diverged_at_step"  # a number of the runs that diverged alone
CHOSEN = "chosen"  # a value of a table with tuned settings: which were chosen
OVERVIEWS = ("counts", "findings", "pictures", "published")
KINDS = ("runs", "claims", "table", "figure", *OVERVIEWS)
TABLE_KEYS = ("rows", "columns", "values", "where", "tuned", "published")
SEVERAL = ("where", "published")  # keys that may stand more than once
SPREADS = ("quartiles", "range")
UPDATES = re.compile(r"updates\((\w+)(<=|>=)([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)\)")

Spread = Literal["", "quartiles", "range"]


@dataclass(frozen=True)
class Value:
    """One number of a condition.  name: a column of the stored runs, or learned, diverged, chosen."""

    name: str
    spread: Spread = ""

    @property
    def threshold(self) -> dict[str, float]:
        """Of updates(score>=0.5): {"score": 0.5}; empty for all others."""
        found = UPDATES.fullmatch(self.name)
        return {found[1]: float(found[3])} if found else {}


@dataclass(frozen=True)
class Table:
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[Value, ...]
    where: tuple[Condition, ...]
    tuned: tuple[str, ...]
    published: Mapping[tuple[str, ...], str]  # by the values of a row, as they are written

    @property
    def recorded(self) -> tuple[str, ...]:
        """The columns of the stored runs that it needs beside settings and outcomes."""
        names = [value.name for value in self.values if value.name not in ("learned", "diverged", CHOSEN)]
        return tuple(dict.fromkeys([*names, *([TUNING] if self.tuned else [])]))


@dataclass(frozen=True)
class Query:
    """kind: a name in KINDS.  place: page and line.  Of table, figure and overview only one is there."""

    kind: str
    place: str
    table: Table | None = None
    figure: str = ""
    folder: str = ""  # of an overview, seen from the page


def query_of(block: Block) -> Query:
    """Raises ConfigError: page and line, key, value, and what is allowed."""
    place = block.place
    try:
        kind, *words = shlex.split(block.words)
    except ValueError as error:
        raise ConfigError(f"{place}: {block.words!r}; must be a kind with its keys ({error})") from None
    if kind not in KINDS:
        raise ConfigError(f"{place}: {kind!r}; must be one of {', '.join(KINDS)}, end{near(kind, KINDS)}")
    if kind == "figure":
        if len(words) != 1:
            raise ConfigError(f"{place}: figure {' '.join(words)!r}; must be followed by the name of one figure")
        return Query(kind, place, figure=words[0])
    keys = TABLE_KEYS if kind == "table" else ("from",) if kind in OVERVIEWS else ()
    entries = _entries(place, kind, words, keys)
    if kind == "table":
        return Query(kind, place, table=_table(place, entries))
    if kind in OVERVIEWS:
        return Query(kind, place, folder=_one(place, "from", entries))
    return Query(kind, place)


def _entries(place: str, kind: str, words: Sequence[str], keys: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        allowed = f"{kind} has {', '.join(keys)}" if keys else f"{kind} has no keys"
        if key not in keys:
            raise ConfigError(f"{place}: {key!r}; no such key: {allowed}{near(key, keys)}")
        if not equals or not value:
            raise ConfigError(f"{place}: {word!r}; must be {key}=...")
        if key in found and key not in SEVERAL:
            raise ConfigError(f"{place}: {key}={value!r}; the key is there twice")
        found.setdefault(key, []).append(value)
    return found


def _table(place: str, entries: Mapping[str, Sequence[str]]) -> Table:
    rows, columns, tuned = (_many(entries, key) for key in ("rows", "columns", "tuned"))
    if not rows:
        raise ConfigError(f"{place}: rows is missing; it must name a swept key, as rows=cell.activation")
    values = tuple(_value(place, name) for name in _many(entries, "values"))
    if not values:
        raise ConfigError(f"{place}: values is missing; it must name what is shown, as values=learned,diverged,score")
    if not tuned and any(value.name == CHOSEN for value in values):
        raise ConfigError(f"{place}: values={CHOSEN!r}; nothing is chosen without tuned=KEYS")
    for key in tuned:
        if key in (*rows, *columns):
            raise ConfigError(f"{place}: tuned={key!r}; is among the rows or columns: it cannot be chosen, too")
    try:
        where = tuple(map(conditions.parse, entries.get("where", ())))
    except ConfigError as error:
        raise ConfigError(f"{place}: where: {error}") from None
    if columns and "published" in entries:
        raise ConfigError(f"{place}: columns={','.join(columns)!r}; a table with published numbers has rows only")
    published = dict(_published(place, text, len(rows)) for text in entries.get("published", ()))
    return Table(rows, columns, values, where, tuned, published)


def _published(place: str, text: str, n_keys: int) -> tuple[tuple[str, ...], str]:
    row, _, number = text.rpartition(":")
    values = tuple(row.split(","))
    if not (row and number) or len(values) != n_keys:
        raise ConfigError(f"{place}: published={text!r}; must be a row's {counted(n_keys, 'value')}, a colon, a number")
    return values, number


def _value(place: str, text: str) -> Value:
    name, colon, spread = text.partition(":")
    if colon and (spread not in SPREADS or name in ("learned", "diverged", CHOSEN)):
        raise ConfigError(f"{place}: values={text!r}; a median may have one of {', '.join(SPREADS)} behind the colon")
    if not name.startswith("updates"):
        return Value(name, "quartiles" if spread == "quartiles" else "range" if spread else "")
    found = UPDATES.fullmatch(name)
    metric = metric_of(found[1]) if found else None
    side = "higher" if found and found[1] == "score" else metric.better if metric else None
    if found is None or colon or side != ("higher" if found[2] == ">=" else "lower"):
        raise ConfigError(
            f"{place}: values={text!r}; must be updates(NAME>=NUMBER) for score or another column of curves.csv of "
            "which more is better, updates(NAME<=NUMBER) where less is"
        )
    return Value(name)


def _many(entries: Mapping[str, Sequence[str]], key: str) -> tuple[str, ...]:
    return tuple(word for value in entries.get(key, ()) for word in value.split(",") if word)


def _one(place: str, key: str, entries: Mapping[str, Sequence[str]]) -> str:
    if key not in entries:
        raise ConfigError(f"{place}: {key} is missing; it must name the folder of the pages, as from=../experiments")
    return entries[key][0]


def known_names(measured: Sequence[str]) -> tuple[str, ...]:
    """What `values` may name, where these were measured."""
    return (*dict.fromkeys((*OUTCOMES, DIVERGED_AT, *measured)), "updates(score>=0.5)")
