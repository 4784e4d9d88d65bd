"""Override lines: from the registries' own names, options and bounds, and with noise."""

from __future__ import annotations

import json
import math
from types import NoneType
from typing import get_args

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import event, given
from hypothesis import strategies as st

from rnnlab.config.keys import options_of
from rnnlab.config.run import GROUPS, SECTIONS, options_class
from rnnlab.records.run import RUN

SMALL = ("task.n_points=60", "task.forecast_steps=7", "training.batch_size=16")


def words(lines):
    """Those between blanks, several on a line."""
    return lines.split()


NUMBERS = words("""
0 1 2 -1 7 0.5 1e-3 1.0 1e400 -0.0 nan inf -inf 1_000 007 0x10 12345678901234567890 1e308 1e-400
""")
NUMBERS += ["9" * 400, "9" * 5000]
WORDS = words("""
null true false on tanh ReLU sines lstm x '' [] [1,2] {} {a:1} [[[[1]]]] ${seed} ${cell.hidden_size} ${nope}
${oc.env:HOME} ??? ünï 'ünï' a=b ( / .. $ @ 1,2 a,b,c
""")
WORDS += ["", "'a b'", '"q"', "a\\,b", "a\nb", "\x00", "'\x07'", "'\udcff'", "x" * 700, "a b"]
SWEEPS = words("""
range(3) range(0) range(2,9,3) range(10000000000) range(0,1,1e-300) range(1,2,0) 1,2 1,,2 choice(1,2) choice()
interval(0,1) glob(*) sort(3,1) shuffle(range(4)) tag(a,1) int('3')
""")
KEYS = words("""
seed study device backend question source claims plugins until first_seeds max_seeds precision task cell optimizer
experiment scale training cell.name hydra.launcher.n_workers hydra.launcher.memory_gb hydra.launcher.engine
hydra.launcher.redo hydra.launcher._target_ hydra.mode hydra.sweeper.max_batch_size hydra.sweeper.params
hydra.run.dir hydra.sweep.dir hydra.sweep.subdir hydra/launcher hydra/sweeper hydra hydra.job.name hydra.callbacks
hydra.searchpath hydra.verbose
""")
FLAGS = words("""
-m --multirun --cfg job hydra --resolve --package --info --config-dir --config-name --foo -x --run -- -1
--shell-completion
""")

options = {
    f"{group}.{option.key}": option
    for group, members in GROUPS.items()
    for name in members
    for option in options_of(options_class(group, name))
} | {f"{part}.{option.key}": option for part, section in SECTIONS.items() for option in options_of(section)}


def small_values(option):
    """Text of values that the option allows or just does not, of a size that is soon computed."""
    kinds = get_args(option.kind) or (option.kind,)
    if option.rules[0].allowed is not None:
        found = st.sampled_from(sorted(option.rules[0].allowed()))
    elif bool in kinds:
        found = st.sampled_from(["true", "false"])
    elif int in kinds:
        found = st.integers(-1, 20).map(str)
    elif float in kinds:
        found = st.floats(-1, 2, width=32).map(repr) | st.sampled_from(["0", "1", "1e-6"])
    else:
        found = st.sampled_from(WORDS)
    return found | st.just("null") if NoneType in kinds else found


typed = st.sampled_from(sorted(options)).flatmap(lambda key: small_values(options[key]).map(lambda v: f"{key}={v}"))
chosen = st.sampled_from([f"{group}={name}" for group, members in GROUPS.items() for name in members])
seeds = st.sampled_from(["seed=3", "seed=1,2", "seed=range(4)"])
sensible = st.lists(st.one_of(typed, chosen, seeds), min_size=1, max_size=4)

values = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.sampled_from(SWEEPS), st.text(max_size=8))
odd_keys = st.sampled_from([*KEYS, *sorted(options)]) | st.text(max_size=6)
prefixes = st.sampled_from(["", "", "", "", "+", "++", "~", "@", "-"])
odd = st.builds(lambda prefix, key, value: f"{prefix}{key}={value}", prefixes, odd_keys, values)
noise = st.one_of(odd, st.sampled_from(FLAGS), st.text(max_size=12), typed, chosen)
lines = st.lists(noise, min_size=1, max_size=5)


@given(lines)
def test_any_line_has_an_answer(answer, line):
    event(f"exit code {answer(*line).code}")


@given(lines)
def test_any_sweep_has_an_answer(answer, line):
    event(f"exit code {answer('-m', *line).code}")


@given(sensible)
def test_what_is_accepted_means_what_it_says(answer, line):
    found = answer("-m", *small_of(line), *line)
    event(f"exit code {found.code}")
    if found.code == 2:
        return
    swept = {}
    for text in (*small_of(line), *line):
        override = OverridesParser.create().parse_override(text)
        one = not override.is_sweep_override()
        swept[override.key_or_group] = [override.value()] if one else list(override.sweep_iterator())
    for key, said in swept.items():
        idle = any(key in remark for remark in found.lines)
        for run in found.runs:
            part, _, option = key.partition(".")
            config = run.as_dict()[part]
            meant = config if not option else config.get(option, "does not act")
            meant = meant["name"] if key in GROUPS else meant
            assert idle or meant == "does not act" or any(same(meant, value) for value in said), (key, said, meant)
    n_said = math.prod(len(set(map(str, said))) for said in swept.values())
    assert len(found.runs) == n_said


def small_of(line):
    """What keeps a run small, unless the line says otherwise."""
    told = {text.partition("=")[0] for text in line}
    return [text for text in SMALL if text.partition("=")[0] not in told and "task" not in told]


def same(meant, said):
    """Whether a config's value is the one that was typed: a whole number may be a float's."""
    if isinstance(meant, bool) or isinstance(said, bool) or meant is None or said is None:
        return meant is said
    return meant == said or str(meant) == str(said)


def test_an_accepted_line_stands_in_the_record(rnnlab, tmp_path, capsys):
    line = (
        "cell=gru",
        "cell.gate_activation=relu",
        "optimizer.learning_rate=1e-3",
        "seed=7",
        "init.recurrent=identity",
    )
    assert rnnlab(*SMALL, *line, "training.steps=1", "cell.hidden_size=3") == 0
    (record,) = (tmp_path / "outputs" / "scratch").glob(f"*/{RUN}")
    config = json.loads(record.read_text())["config"]
    assert (config["cell"]["name"], config["cell"]["gate_activation"], config["seed"]) == ("gru", "relu", 7)
    assert (config["optimizer"]["learning_rate"], config["init"]["recurrent"]) == (0.001, "identity")
