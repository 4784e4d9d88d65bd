"""Options that do not act: no part of a run, and truly without effect."""

from dataclasses import fields, replace

import pytest

from rnnlab.config.parse import from_node, idle_in_words, idle_options
from rnnlab.config.run import GROUPS, SECTIONS, options_class
from rnnlab.nets.activations import make_activation
from rnnlab.options import dotted, rule_of
from rnnlab.training.construction import initial_weights

LINEAR = {"cell__num_layers": 0}
NO_BIAS = {"cell__bias": False, "readout__bias": False}
PATHS = {"path": "a.txt", "valid_path": "b.txt", "test_path": "c.txt"}
#   what is chosen, what is set although it does not act then, and the reason
IDLE = [
    ({}, {"cell__negative_slope": 0.5}, "cell.activation=tanh"),
    ({"cell__activation": "leaky_relu"}, {"cell__alpha": 0.5}, "cell.activation=leaky_relu"),
    ({"cell__activation": "elu"}, {"cell__negative_slope": 0.5}, "cell.activation=elu"),
    ({"cell": "lstm"}, {"cell__gate_alpha": 0.5}, "cell.gate_activation=sigmoid"),
    ({"cell": "gru", "cell__gate_activation": "elu"}, {"cell__gate_negative_slope": 2}, "cell.gate_activation=elu"),
    ({}, {"cell__dropout": 0.5}, "cell.num_layers=1"),
    (LINEAR, {"cell__dropout": 0.5}, "cell.num_layers=0"),
    (LINEAR, {"cell__activation": "relu"}, "cell.num_layers=0"),
    (LINEAR, {"cell__activation": "elu", "cell__alpha": 2.0}, "cell.num_layers=0"),
    (LINEAR, {"cell__bias": False}, "cell.num_layers=0"),
    (LINEAR | {"cell": "lstm"}, {"cell__gate_activation": "hardtanh"}, "cell.num_layers=0"),
    (LINEAR | {"cell": "lstm"}, {"cell__forget_bias": 1.0}, "cell.num_layers=0"),
    (LINEAR | {"cell": "gru"}, {"cell__reset_after": False}, "cell.num_layers=0"),
    (LINEAR | {"cell": "indrnn"}, {"cell__u_low": 0.5, "cell__u_high": 0.7}, "cell.num_layers=0"),
    (LINEAR | {"cell": "mgu"}, {"cell__gate": "mgu2"}, "cell.num_layers=0"),
    (
        LINEAR | {"cell": "lru"},
        {"cell__r_min": 0.5, "cell__r_max": 0.9, "cell__max_phase": 0.3},
        "cell.num_layers=0",
    ),
    ({"cell": "indrnn"}, {"init__recurrent": "zeros", "init__recurrent_scale": 2.0}, "cell=indrnn"),
    ({"cell": "lstm", "cell__bias": False}, {"cell__forget_bias": 1.0}, "cell.bias=false"),
    (LINEAR, {"init__input": "zeros", "init__input_scale": 2.0}, "cell.num_layers=0"),
    (LINEAR, {"init__recurrent": "zeros", "init__recurrent_scale": 2.0}, "cell.num_layers=0"),
    ({"cell": "memoryless"}, {"init__recurrent": "zeros", "init__recurrent_scale": 2.0}, "cell=memoryless"),
    ({"init__weights": "normal"}, {"init__input": "zeros"}, "init.weights=normal"),
    ({"init__weights": "normal"}, {"init__recurrent": "zeros"}, "init.weights=normal"),
    ({"init__weights": "normal"}, {"init__readout": "zeros"}, "init.weights=normal"),
    ({}, {"init__embedding": "zeros", "init__embedding_scale": 2.0}, "cell.embedding_size=null"),
    ({"task": "ship"}, {"init__embedding": "zeros"}, "cell.embedding_size=null"),
    (
        NO_BIAS,
        {"init__bias": "zeros", "init__bias_scale": 2.0},
        "cell.bias=false, cell.num_layers=1, readout.bias=false",
    ),
    (
        LINEAR | {"readout__bias": False},
        {"init__bias": "zeros"},
        "cell.bias=true, cell.num_layers=0, readout.bias=false",
    ),
    ({}, {"optimizer__step_every": 2}, "optimizer.schedule=constant"),
    ({"optimizer__schedule": "cosine"}, {"optimizer__step_factor": 0.5}, "optimizer.schedule=cosine"),
    ({"task": "series"}, {"task__forecast": "last_step"}, "task.horizon=1"),
    ({"training__eval_every": None}, {"training__stop_at_loss": 1e6}, "training.eval_every=null"),
]
OF_MEMBERS = ("slope", "alpha", "step_every", "step_factor")  # where they do not act, a run has no place for them
every_case = pytest.mark.parametrize(("chosen", "without_effect", "reason"), IDLE, ids=str)


def node_of(task="sines", cell="rnn", **values):
    """Composed values; those that are given are named section__option."""
    node = {"task": {"name": task}, "cell": {"name": cell}, "optimizer": {"name": "adam"}, "training": {}}
    for key, value in values.items():
        section, option = key.split("__")
        node.setdefault(section, {})[option] = value
    return node


def keys(values):
    return {key.replace("__", ".") for key in values}


def test_every_option_that_acts_under_a_condition_is_tried_below():
    stated = {
        f"{part}.{f.name}"
        for part, cls in [*((g, options_class(g, n)) for g in GROUPS for n in GROUPS[g]), *SECTIONS.items()]
        for f in fields(cls)
        if any(when.keys != (f"{part}.{f.name}",) for when in rule_of(f).acts)
    }
    tried = {key for _, without_effect, _ in IDLE for key in keys(without_effect)}
    need_files = {"task.valid_fraction", "task.test_fraction", "task.newest_first"}  # see below, and test_series.py
    assert stated - tried == need_files


def test_an_option_whose_own_value_says_whether_it_acts_does_not_act_at_its_default():
    for part, cls in ((group, options_class(group, name)) for group in GROUPS for name in GROUPS[group]):
        for f in fields(cls):
            for when in rule_of(f).acts:
                if when.keys == (f"{part}.{f.name}",):
                    assert not when.holds(f.default) and when.holds("another"), f.name


@every_case
def test_an_option_that_does_not_act_is_no_part_of_a_run(chosen, without_effect, reason):
    plain, other = (from_node(node_of(**values)) for values in (chosen, chosen | without_effect))
    assert other == plain
    assert (other.run_id, other.condition_id, other.folder) == (plain.run_id, plain.condition_id, plain.folder)
    assert not keys(without_effect) & dotted(other.as_dict()).keys()
    assert from_node(other.as_dict()) == other


@every_case
def test_an_option_that_is_set_and_does_not_act_is_named_with_the_reason(chosen, without_effect, reason):
    node = node_of(**chosen, **without_effect)
    assert idle_options(node, from_node(node)) == dict.fromkeys(keys(without_effect), reason)
    plain = node_of(**chosen)
    assert idle_options(plain, from_node(plain)) == {}


@pytest.mark.parametrize(
    ("chosen", "without_effect"),
    [(chosen, values) for chosen, values, _ in IDLE if not any(key.endswith(OF_MEMBERS) for key in values)],
    ids=str,
)
def test_an_option_that_does_not_act_changes_no_number(chosen, without_effect, run_config, texts):
    """It is put into the run by force, past what keeps it out."""
    run, forced = run_config(**chosen), run_config(**chosen)
    for key, value in without_effect.items():
        section, option = key.split("__")
        value = make_activation(value) if option.endswith("activation") else value
        object.__setattr__(forced, section, replace(getattr(forced, section), **{option: value}))
        assert getattr(getattr(forced, section), option) != getattr(getattr(run, section), option)
    backend = "torch" if "cell__gate" in without_effect else "auto"  # only one of the gates has a kernel
    assert texts([run], backend=backend) == texts([forced], backend=backend)


def test_shares_of_a_text_do_not_act_where_its_parts_are_files(tmp_path, monkeypatch, texts, run_config):
    monkeypatch.chdir(tmp_path)
    for n, name in enumerate(PATHS.values()):
        (tmp_path / name).write_text("so it goes, and so it goes on " * (20 + n))
    chosen = {f"task__{key}": path for key, path in PATHS.items()} | {"task__n_tokens": None}
    plain, other = (run_config("text", **chosen, **shares) for shares in ({}, {"task__valid_fraction": 0.3}))
    assert other == plain
    forced = replace(plain)
    object.__setattr__(forced, "task", replace(plain.task, valid_fraction=0.3, test_fraction=0.2))
    assert texts([forced]) == texts([plain])
    cut = [run_config("text", task__valid_fraction=share) for share in (0.1, 0.3)]
    assert cut[0] != cut[1]


def test_the_size_of_a_layer_acts_even_where_there_is_none(run_config):
    """By the readout's initializer."""
    wide, narrow = (run_config(cell__num_layers=0, cell__hidden_size=size) for size in (64, 4))
    assert wide.run_id != narrow.run_id
    biases = [abs(initial_weights(run)[-1].item()) for run in (wide, narrow)]  # the readout's is the last parameter
    assert biases[1] == pytest.approx(4 * biases[0])


def test_a_run_that_is_made_with_what_does_not_act_does_not_have_it(run_config):
    run = run_config()
    other = replace(run, cell=replace(run.cell, dropout=0.5), init=replace(run.init, embedding="zeros"))
    assert other == run
    assert (other.cell.dropout, other.init.embedding) == (0.0, "normal")


def test_an_option_that_does_not_act_is_still_checked():
    for values in ({"cell__dropout": 2}, {"cell__alpha": -1}, {"init__embedding": "eye"}):
        with pytest.raises(ValueError, match=keys(values).pop()):
            from_node(node_of(**values))


def test_what_does_not_act_is_said_in_one_line():
    idle = {"cell.alpha": "cell.activation=tanh", "cell.dropout": "cell.num_layers=1"}
    assert idle_in_words(idle | {"cell.negative_slope": "cell.activation=tanh"}) == (
        "cell.alpha and cell.negative_slope do not act with cell.activation=tanh; "
        "cell.dropout does not act with cell.num_layers=1"
    )
