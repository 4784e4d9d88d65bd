"""YAML that a person has written, checked before anything is made of it.

YAML lets a value be written once and be named many times, and OmegaConf writes it out at each of these places: a few
lines can stand for more values than fit into memory ("billion laughs").  What is wrong with a file is said in one line,
with its place.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from rnnlab.options import ConfigError, in_one_line

MOST_VALUES = 5_000  # of a file, its aliases written out: composing takes about a millisecond for each
MOST_LETTERS = 10**6
DEEPEST = 50  # mappings and lists in each other


def check_yaml(file: Path) -> None:
    """Raise ConfigError for a file that is no YAML, or stands for too much."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text, see its byte {error.start}") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({(error.strerror or '').lower()})") from None
    try:
        n_values, n_letters = _size(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}{what_is_wrong(error)}") from None
    except ConfigError as error:
        raise ConfigError(f"{file}{error}") from None
    if n_values > MOST_VALUES or n_letters > MOST_LETTERS:
        raise ConfigError(
            f"{file}: stands for {n_values} values with {n_letters} letters; "
            f"at most {MOST_VALUES} with {MOST_LETTERS} are read"
        )


def what_is_wrong(error: yaml.YAMLError | ValueError) -> str:
    """ ", line 3, column 5: what is wrong"."""
    mark = getattr(error, "problem_mark", None)
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error)
    return f"{place}: is no YAML that can be used ({in_one_line(problem)})"


def _size(text: str) -> tuple[int, int]:
    """The values of a text and their letters, with every alias written out.  Raises YAMLError and ConfigError."""
    of_anchor: dict[str, tuple[int, int]] = {}
    open_nodes: list[tuple[str | None, int, int]] = [(None, 0, 0)]  # anchor, values and letters so far

    def add(n_values: int, n_letters: int) -> None:
        anchor, values, letters = open_nodes[-1]
        open_nodes[-1] = anchor, values + n_values, letters + n_letters

    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_nodes) > DEEPEST:
                raise ConfigError(f", line {event.start_mark.line + 1}: is nested more than {DEEPEST} deep")
            open_nodes.append((event.anchor, 1, 0))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, *size = open_nodes.pop()
            if anchor:
                of_anchor[anchor] = (size[0], size[1])
            add(*size)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                of_anchor[event.anchor] = (1, len(event.value))
            add(1, len(event.value))
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, *_ in open_nodes):
                raise ConfigError(f", line {event.start_mark.line + 1}: *{event.anchor} stands inside of itself")
            if event.anchor not in of_anchor:
                raise ConfigError(f", line {event.start_mark.line + 1}: *{event.anchor} is not defined before")
            add(*of_anchor[event.anchor])
    _, n_values, n_letters = open_nodes[0]
    return n_values, n_letters
