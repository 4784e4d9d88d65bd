"""The options of a part of a run, as tables: `rnnlab --help training`, `--help cell=lstm`, `--help task`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import Any, get_args

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnlab.config.keys import Option, options_of
from rnnlab.config.run import GROUPS, SECTIONS, options_class
from rnnlab.options import Rule, check_choice, written

KINDS = {int: "a whole number", float: "a number", str: "text"}


Files = Mapping[str, Mapping[str, Any]]  # members that files describe: {"task=short": the values of its keys}


def print_help(topics: Iterable[str], console: Console, files: Files = MappingProxyType({})) -> None:
    """A table for each topic: a section, a group, or group=member, also of several members: cell=rnn,lstm.

    files: the members of those of a --config-dir.  Raises ConfigError for any other word."""
    parted = [topic.partition("=") for topic in topics]
    single = [f"{part}{equals}{name}" for part, equals, names in parted for name in names.split(",")]
    for table in [table_of(topic, files) for topic in single]:
        console.print(table)


def table_of(topic: str, files: Files = MappingProxyType({})) -> Table | Text:
    """The options of a section or of a group's member; of a group, its members.  Raises ConfigError."""
    part, equals, name = topic.partition("=")
    check_choice("--help", part, [*GROUPS, *SECTIONS] if not equals else GROUPS)
    if equals and topic in files:
        values = files[topic]
        base = str(values["name"])
        check_choice(f"{topic}: name", base, GROUPS[part])
        return _options(f"{topic}, {base} of a file", part, GROUPS[part][base], options_class(part, base), values)
    if equals:
        own = [file.partition("=")[2] for file in files if file.startswith(f"{part}=")]
        check_choice(part, name, [*GROUPS[part], *own])
        return _options(topic, part, GROUPS[part][name], options_class(part, name))
    if part in SECTIONS:
        return _options(topic, part, SECTIONS[part], SECTIONS[part])
    rows = [(f"{part}={member}", first_paragraph(GROUPS[part][member])) for member in sorted(GROUPS[part])]
    rows += [
        (file, f"{of['name']}, with values of a file") for file, of in files.items() if file.startswith(f"{part}=")
    ]
    return _table(f"{part}: `rnnlab --help {rows[0][0]}` lists the options of one", ("", "what it is"), rows)


def first_paragraph(described: type) -> str:
    """Of a class's own docstring, in one line; nothing where it has none, or that which `dataclass` writes."""
    text = inspect.cleandoc(vars(described).get("__doc__") or "")
    return "" if text.startswith(f"{described.__name__}(") else " ".join(text.split("\n\n")[0].split())


def _options(
    topic: str, part: str, described: type, section: type, values: Mapping[str, Any] = MappingProxyType({})
) -> Table | Text:
    """values: other defaults than the section's."""
    rows = []
    for option in options_of(section):
        default = _default(option, values.get(option.key, option.default))
        rows.append((f"{part}.{option.key}", default, _allowed(option), _meaning(option)))
    title = f"{topic}: {first_paragraph(described)}".removesuffix(": ")
    if not rows:
        return Text(f"{title}\nIt has no options.")
    return _table(title, ("key", "default", "allowed", "meaning"), rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column, no_wrap=n == 0)
    for row in rows:
        table.add_row(*map(Text, row))  # as Text, since in a str rich reads [brackets] as markup
    return table


def _default(option: Option, default: Any) -> str:
    return "its own" if option.owners and default is None else written(default)


def _allowed(option: Option) -> str:
    """What may be given, in words."""
    return ", or ".join(dict.fromkeys(words for rule in option.rules for words in _allowed_by(rule, option.kind)))


def _allowed_by(rule: Rule, kind: object) -> Iterator[str]:
    kinds = get_args(kind) or (kind,)
    if rule.allowed is not None:
        yield ", ".join(rule.allowed())
    elif kinds[0] is bool:
        yield "true, false"
    else:
        yield f"{KINDS.get(kinds[0], 'a list')} {rule.bounds_in_words}".rstrip()
    if NoneType in kinds:
        yield "null"


def _meaning(option: Option) -> str:
    """What the option means, and of a parameter, of which members."""
    if not option.owners:
        return option.rules[0].about
    by_meaning: dict[str, list[str]] = {}
    for owner, rule in zip(option.owners, option.rules, strict=True):
        by_meaning.setdefault(rule.about, []).append(owner)
    return "; ".join(f"of {', '.join(owners)}: {about}" for about, owners in by_meaning.items())
