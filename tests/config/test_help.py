"""rnnlab --help <part>: every option with its default, what is allowed, and what it means."""

import sys
from io import StringIO

import pytest
from rich.console import Console

from rnnlab.__main__ import main
from rnnlab.config.help import print_help
from rnnlab.config.keys import options_of
from rnnlab.config.run import GROUPS, SECTIONS, options_class
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.options import ConfigError

MEMBERS = [(f"{group}={name}", group, options_class(group, name)) for group in GROUPS for name in GROUPS[group]]
PARTS = [*MEMBERS, *((section, section, cls) for section, cls in SECTIONS.items())]


@pytest.fixture
def shown():
    """shown("training") -> the lines of its help, wide enough that no cell is broken."""

    def shown(*topics):
        page = StringIO()
        print_help(topics, Console(width=500, file=page))
        return [line.rstrip() for line in page.getvalue().splitlines() if line.strip()]

    return shown


def cells(line):
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


@pytest.mark.parametrize(("topic", "part", "section"), PARTS, ids=[topic for topic, *_ in PARTS])
def test_help_of_a_part_has_a_row_for_every_option(topic, part, section, shown):
    title, *rows = shown(topic)
    assert title.strip().startswith(f"{topic}: ")
    found = {row[0]: row for row in map(cells, rows)}
    for option in options_of(section):
        row = found[f"{part}.{option.key}"]
        assert len(row) == 4
        assert all(rule.about in row[3] for rule in option.rules)


@pytest.mark.parametrize(
    ("topic", "row"),
    [
        ("training", "training.steps | 300 | a whole number at least 0 | optimiser updates"),
        ("training", "training.fresh | false | true, false | every batch is generated anew, if the task can do that"),
        ("cell=rnn", "cell.alpha | 1.0 | a number above 0 | of elu, celu: phi goes to -alpha as a goes to -infinity"),
        ("cell=gru", "cell.gate_negative_slope | 0.01 | a number | of leaky_relu: the slope where a < 0"),
        ("cell=rnn", f"cell.activation | tanh | {', '.join(ACTIVATIONS)} | phi; in a cell with gates, the candidate's"),
        ("readout", "readout.dropout | 0.0 | a number at least 0 and below 1 | the share of the states it reads that "
                    "is set to zero, in training"),
        ("optimizer=sgd", "optimizer.clip_norm | null | a number above 0, or null | a run's gradient is shortened to "
                          "this norm; null: never"),
        ("task=series", "task.columns | null | a list, or null | the columns to read, [Open,Close], by name or number "
                        "from 0; null: all but the dates"),
        ("task=series", "task.scaling | minmax | minmax, standard, none | of the columns, fitted on the training part"),
        ("task=text", "task.path | null | text, or null | a text file; null: every sum of two numbers below a hundred, "
                      "in words"),
    ],
    ids=lambda value: value.split(" ")[0],
)  # fmt: skip
def test_a_row_says_key_default_what_is_allowed_and_what_it_means(topic, row, shown):
    assert row.split(" | ") in [cells(line) for line in shown(topic)]


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_lists_its_members_and_what_they_are(group, shown):
    rows = dict(map(cells, shown(group)[3:]))
    assert list(rows) == [f"{group}={name}" for name in sorted(GROUPS[group])]
    assert all(rows.values())


def test_several_parts_are_shown_one_below_the_other(shown):
    lines = [line.strip() for line in shown("cell=rnn,lstm", "readout")]
    titles = [line.split(": ")[0] for line in lines if line.startswith(("cell=", "readout:"))]
    assert titles == ["cell=rnn", "cell=lstm", "readout"]


def test_a_task_without_options_says_so(shown):
    title, said = shown("task=hihello")
    assert title.startswith("task=hihello: ")
    assert said == "It has no options."


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("trainng", ["--help: unknown 'trainng'", *GROUPS, *SECTIONS, "did you mean 'training'?"]),
        ("cell=ltsm", ["cell: unknown 'ltsm'", "rnn", "did you mean 'lstm'?"]),
        ("training=5", ["--help: unknown 'training'", *GROUPS]),
    ],
)
def test_a_word_that_is_no_part_is_refused_with_those_that_are(topic, parts, shown):
    with pytest.raises(ConfigError) as caught:
        shown(topic)
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize("arguments", [["--help", "training"], ["-m", "cell.activation=tanh", "task=adding", "-h"]])
def test_the_command_shows_the_help_of_the_parts_that_it_names(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rnnlab", *arguments])
    main()
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(("training: How long", "task=adding: Two marked numbers"))


def test_the_command_answers_an_unknown_part_with_one_line_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rnnlab", "--help", "trainng"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("rnnlab: --help: unknown 'trainng'; one of task, cell, ")


def test_words_that_only_set_values_leave_the_help_general(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rnnlab", "--help", "experiment=activations", "cell.activation=relu"])
    main()
    assert "usage: rnnlab" in capsys.readouterr().out
