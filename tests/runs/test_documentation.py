"""docs/runs.md has every command and condition of rnnlab-runs.  Its commands run in tests/docs/test_snippets.py."""

import re
import shlex
from pathlib import Path

import pytest

from rnnlab.runs.command import SUBCOMMANDS
from rnnlab.runs.command import main as runs

PAGE = (Path(__file__).parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)
    for fence in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in fence.splitlines()
]


def test_every_subcommand_is_on_the_page_and_in_the_help(capsys):
    assert {words[1] for words in COMMANDS if words[0] == "rnnlab-runs"} == set(SUBCOMMANDS)
    with pytest.raises(SystemExit):
        runs(["--help"])
    said = capsys.readouterr().out
    assert all(f"rnnlab-runs {name}" in said or f"\n    {name}" in said for name in SUBCOMMANDS)


def test_every_operator_of_the_page_is_understood():
    from rnnlab.records.conditions import parse

    for text in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE):
        for word in re.findall(r"`(.*?)`", text):
            if word[0] not in "<>":
                parse(word)
