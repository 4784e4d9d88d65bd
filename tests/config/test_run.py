"""RunConfig: what is refused and in which words, and what its hash follows from."""

import math
import pickle
from dataclasses import fields, is_dataclass, replace

import pytest
from omegaconf import OmegaConf

from rnnlab.config.parse import check_surroundings, from_node, idle_options
from rnnlab.config.run import GROUPS, SECTIONS, content_hash, options_class
from rnnlab.config.until import Until, until_of
from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.initializers import initializers_of
from rnnlab.nets.losses import READOUT_ACTIVATIONS
from rnnlab.nets.schedules import SCHEDULES
from rnnlab.options import ConfigError, check, rule_of
from rnnlab.tasks import TASKS

LSTM, GRU = ({"cell__name": name} for name in ("lstm", "gru"))
READS_TOKENS = {"task__name": "ship"}
MINIMAL = {"task": {"name": "sines"}, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}}


def node(**values):
    """The least config, with values named section__option."""
    made = {group: dict(options) for group, options in MINIMAL.items()}
    for key, value in values.items():
        section, _, option = key.partition("__")
        if option:
            made.setdefault(section, {})[option] = value
        else:
            made[section] = value
    return made


def options():
    """(section, class, field) of every option of every group and section."""
    classes = [(group, options_class(group, name)) for group in GROUPS for name in GROUPS[group]]
    return [(section, cls, f) for section, cls in (*classes, *SECTIONS.items()) for f in fields(cls)]


def complaint(made):
    with pytest.raises(ConfigError) as caught:
        from_node(OmegaConf.create(made))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is accepted


def test_what_is_not_stated_is_the_dataclasses_default():
    run = from_node(MINIMAL)
    assert run.task == TASKS["sines"]()
    for section, cls in SECTIONS.items():
        assert getattr(run, section) == cls()
    assert run.seed == 0


def test_a_node_of_omegaconf_and_a_plain_mapping_give_the_same_run():
    made = node(cell__activation="relu", optimizer__clip_norm=1, seed=4)
    assert from_node(OmegaConf.create(made)) == from_node(made)


def test_values_take_the_type_of_their_option():
    run = from_node(node(optimizer__learning_rate=1, optimizer__clip_norm=2, cell__activation="elu", cell__alpha="0.5"))
    for value in (run.optimizer.learning_rate, run.optimizer.clip_norm, run.cell.activation.alpha):
        assert type(value) is float
    assert run.cell.activation.alpha == 0.5
    assert type(from_node(node(training__steps=5)).training.steps) is int


def test_a_seed_that_is_not_stated_is_0_for_a_node_too():
    assert from_node(OmegaConf.create(MINIMAL)).seed == 0


def test_interpolations_are_resolved():
    made = OmegaConf.create(node(cell__hidden_size="${seed}", seed=7))
    assert from_node(made).cell.hidden_size == 7


def test_keys_that_do_not_belong_to_a_run_are_left_aside():
    assert from_node(node(device="cuda", backend="torch", study="x", hydra={"job": 1})) == from_node(MINIMAL)


@pytest.mark.parametrize("group", GROUPS)
def test_every_member_of_a_group_can_be_chosen(group):
    for name in GROUPS[group]:
        chosen = getattr(from_node(node(**{group: {"name": name}}, training__batch_size=None)), group)
        assert type(chosen) is options_class(group, name)
        assert chosen.name == name


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_registered_activation_can_be_chosen(name):
    assert from_node(node(cell__activation=name)).cell.activation == make_activation(name)
    for cell in ("lstm", "gru"):
        gated = from_node(node(cell__name=cell, cell__gate_activation=name)).cell
        assert (gated.activation, gated.gate_activation) == (make_activation("tanh"), make_activation(name))


def test_an_activation_has_the_parameters_that_were_given_and_its_gates_have_their_own():
    values = {"cell__activation": "elu", "cell__alpha": 2.0, "cell__gate_activation": "elu", "cell__gate_alpha": 3.0}
    cell = from_node(node(**LSTM, **values)).cell
    assert (cell.activation, cell.gate_activation) == (
        make_activation("elu", alpha=2.0),
        make_activation("elu", alpha=3.0),
    )


def test_a_parameter_that_is_null_is_the_activations_own():
    for given in ({}, {"cell__negative_slope": None}):
        assert from_node(node(cell__activation="leaky_relu", **given)).cell.activation.negative_slope == 0.01


def test_null_means_off_where_it_is_allowed():
    run = from_node(
        node(
            optimizer__clip_norm=None,
            optimizer__clip_value=None,
            cell__embedding_size=None,
            init__weights=None,
            training__batch_size=None,
            training__eval_every=None,
            training__eval_samples=None,
            training__stop_at_loss=None,
            divergence__loss_factor=None,
            task__forecast_steps=None,
        )
    )
    assert (run.optimizer.clip_norm, run.training.batch_size, run.divergence.loss_factor) == (None, None, None)
    assert (run.cell.embedding_size, run.init.weights, run.training.stop_at_loss) == (None, None, None)


# What is refused: key, value, what is allowed


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cell__activation": "rleu"}, ["cell.activation", "'rleu'", *ACTIVATIONS, "did you mean 'relu'?"]),
        ({"cell__name": "lstn"}, ["cell", "'lstn'", "rnn", "memoryless"]),
        ({"task__name": "sine"}, ["task", "'sine'", *TASKS, "did you mean 'sines'?"]),
        ({"optimizer__name": "adamax"}, ["optimizer", "'adamax'", *GROUPS["optimizer"], "did you mean 'adam"]),
        ({"cell": None}, ["cell", "None", "rnn", "memoryless"]),
        ({"task": "sines"}, ["task", *TASKS]),
        ({"optimizer": 3}, ["optimizer", "adam"]),
        ({"cell": [1]}, ["cell", "rnn"]),
        ({"readout__activation": "selu"}, ["readout.activation", "'selu'", *READOUT_ACTIVATIONS]),
        ({"init__recurrent": "xavier"}, ["init.recurrent", "'xavier'", *initializers_of("recurrent")]),
        ({"cell__hidden_sise": 3}, ["cell.hidden_sise", "no such key", "hidden_size"]),
        ({"optimizer__momentum": 0.9}, ["optimizer.momentum", "no such key", "beta1"]),
        ({"training__epochs": 3}, ["training.epochs", "no such key", "steps"]),
        ({"training": 5}, ["training", "5", "steps"]),
        ({"cell__hidden_size": 0}, ["cell.hidden_size", "0", "at least 1"]),
        ({"cell__hidden_size": 2.5}, ["cell.hidden_size", "2.5", "int"]),
        ({"cell__hidden_size": "many"}, ["cell.hidden_size", "'many'", "int"]),
        ({"cell__hidden_size": True}, ["cell.hidden_size", "True", "int"]),
        ({"cell__hidden_size": None}, ["cell.hidden_size", "None", "int"]),
        ({"cell__num_layers": -1}, ["cell.num_layers", "-1", "at least 0"]),
        ({"cell__dropout": 1.0}, ["cell.dropout", "1.0", "at least 0 and below 1"]),
        ({"cell__dropout": -0.1}, ["cell.dropout", "-0.1", "at least 0 and below 1"]),
        ({"cell__embedding_size": 0}, ["cell.embedding_size", "0", "at least 1"]),
        ({"cell__embedding_size": 8}, ["cell.embedding_size", "8", "null", "task sines reads numbers"]),
        (READS_TOKENS | {"cell__num_layers": 0}, ["cell.num_layers", "0", "at least 1", "task ship reads tokens"]),
        ({"cell__gate_activation": "tanh"}, ["cell.gate_activation", "no such key", "activation", "num_layers"]),
        (LSTM | {"cell__gate_activation": "sigmoit"}, ["cell.gate_activation", "'sigmoit'", "mean 'sigmoid'?"]),
        (LSTM | {"cell__forget_bias": math.inf}, ["cell.forget_bias", "inf", "finite"]),
        (LSTM | {"cell__gate_negative_slope": math.nan}, ["cell.gate_negative_slope", "nan", "finite"]),
        ({"cell__gate_alpha": 1.0}, ["cell.gate_alpha", "no such key", "alpha", "did you mean 'alpha'?"]),
        (LSTM | {"cell__reset_after": True}, ["cell.reset_after", "no such key", "forget_bias"]),
        (GRU | {"cell__forget_bias": 1.0}, ["cell.forget_bias", "no such key", "reset_after"]),
        (GRU | {"cell__reset_after": 2}, ["cell.reset_after", "2", "bool"]),
        ({"readout__dropout": 1}, ["readout.dropout", "1", "at least 0 and below 1"]),
        ({"init__weights": "eye"}, ["init.weights", "'eye'", *initializers_of("input")]),
        ({"init__weights": "sparse"}, ["init.weights", "'sparse'", *initializers_of("input")]),
        ({"init__embedding": "chrono"}, ["init.embedding", "'chrono'", *initializers_of("embedding")]),
        ({"init__embedding_scale": math.nan}, ["init.embedding_scale", "nan", "finite"]),
        ({"cell__bias": "perhaps"}, ["cell.bias", "'perhaps'", "bool"]),
        ({"cell__alpha": 0}, ["cell.alpha", "0", "above 0"]),
        ({"cell__activation": "celu", "cell__alpha": 0}, ["cell.alpha", "0", "above 0"]),
        ({"cell__alpha": "much"}, ["cell.alpha", "'much'", "float"]),
        ({"task__start": True}, ["task.start", "True", "float"]),
        ({"init__weights": 3}, ["init.weights", "'3'", "uniform"]),
        ({"task": {"name": "series", "columns": "Open"}}, ["task.columns", "'Open'", "list[str] | None"]),
        ({"task": {"name": "series", "columns": [None]}}, ["task.columns", "[None]", "list[str] | None"]),
        ({"cell__negative_slope": math.nan}, ["cell.negative_slope", "nan", "finite"]),
        ({"cell__activation": None}, ["cell.activation", "None", "str"]),
        ({"cell__activation": ["tanh"]}, ["cell.activation", "['tanh']", "str"]),
        ({"optimizer__learning_rate": -0.1}, ["optimizer.learning_rate", "-0.1", "above 0"]),
        ({"optimizer__learning_rate": 0}, ["optimizer.learning_rate", "0", "above 0"]),
        ({"optimizer__learning_rate": math.nan}, ["optimizer.learning_rate", "nan", "finite"]),
        ({"optimizer__learning_rate": math.inf}, ["optimizer.learning_rate", "inf", "finite"]),
        ({"optimizer__learning_rate": "fast"}, ["optimizer.learning_rate", "'fast'", "float"]),
        ({"optimizer__beta1": 1}, ["optimizer.beta1", "1", "below 1"]),
        ({"optimizer__clip_norm": 0}, ["optimizer.clip_norm", "0", "above 0"]),
        ({"optimizer__clip_value": 0.0}, ["optimizer.clip_value", "0.0", "above 0"]),
        ({"optimizer__weight_decay": -1e-9}, ["optimizer.weight_decay", "-1e-09", "at least 0"]),
        ({"optimizer__schedule": "cosin"}, ["optimizer.schedule", "'cosin'", *SCHEDULES, "did you mean 'cosine'?"]),
        ({"optimizer__warmup_steps": -1}, ["optimizer.warmup_steps", "-1", "at least 0"]),
        ({"optimizer__warmup_steps": 1.5}, ["optimizer.warmup_steps", "1.5", "int"]),
        ({"optimizer__step_every": 0}, ["optimizer.step_every", "0", "at least 1"]),
        ({"optimizer__step_factor": 0}, ["optimizer.step_factor", "0", "above 0 and at most 1"]),
        ({"optimizer__step_factor": 1.1}, ["optimizer.step_factor", "1.1", "above 0 and at most 1"]),
        ({"optimizer": {"name": "nesterov", "momentum": 0}}, ["optimizer.momentum", "0", "above 0 and below 1"]),
        ({"optimizer": {"name": "sgd", "momentum": 1}}, ["optimizer.momentum", "1", "at least 0 and below 1"]),
        ({"optimizer": {"name": "adagrad", "eps": 0}}, ["optimizer.eps", "0", "above 0"]),
        ({"optimizer": {"name": "adadelta", "rho": 1}}, ["optimizer.rho", "1", "below 1"]),
        ({"optimizer": {"name": "adadelta", "decay": 0.9}}, ["optimizer.decay", "no such key", "rho"]),
        ({"optimizer": {"name": "adamw", "beta2": -0.1}}, ["optimizer.beta2", "-0.1", "at least 0 and below 1"]),
        ({"training__steps": -1}, ["training.steps", "-1", "at least 0"]),
        ({"training__eval_every": 0}, ["training.eval_every", "0", "at least 1"]),
        ({"training__batch_size": 0}, ["training.batch_size", "0", "at least 1"]),
        ({"training__eval_samples": 0}, ["training.eval_samples", "0", "at least 1"]),
        ({"training__gradient_noise": -0.1}, ["training.gradient_noise", "-0.1", "at least 0"]),
        ({"training__stop_at_loss": 0}, ["training.stop_at_loss", "0", "above 0"]),
        ({"training__fresh": 1}, ["training.fresh", "1", "bool"]),
        ({"training__fresh": True}, ["training.fresh", "true", "must be false", "task sines has a fixed training set"]),
        (
            {"task": {"name": "adding"}, "training__fresh": True, "training__batch_size": None},
            ["training.batch_size", "null", "must be a number where training.fresh=true"],
        ),
        ({"training__batch_size": 1671}, ["training.batch_size", "1671", "at most 1670"]),
        ({"divergence__loss_factor": 1}, ["divergence.loss_factor", "1", "above 1"]),
        ({"divergence__margin": 1.0}, ["divergence.margin", "1.0", "below 1"]),
        ({"init__input_scale": math.inf}, ["init.input_scale", "inf", "finite"]),
        ({"task__window": 2400}, ["task.window", "2400", "below task.n_points (2400)"]),
        ({"task__noise": -1}, ["task.noise", "-1", "at least 0"]),
        ({"readout__activation": "softmax"}, ["readout.activation", "'softmax'", "always 1"]),
        ({"seed": -1}, ["seed", "-1", "from 0 up"]),
        ({"seed": 1.5}, ["seed", "1.5", "whole number"]),
        ({"seed": True}, ["seed", "True", "whole number"]),
        ({"seed": None}, ["seed", "None", "whole number"]),
        ({"seed": "3"}, ["seed", "'3'", "whole number"]),
    ],
    ids=str,
)
def test_a_complaint_names_the_key_the_value_and_what_is_allowed(values, expected):
    text = complaint(node(**values))
    assert text.startswith(expected[0])
    for part in expected:
        assert part in text


def bounded_options():
    """(section, class, option) of every number."""
    return [(*place, f) for *place, f in options() if rule_of(f).bounds is not None]


@pytest.mark.parametrize("not_a_number", [math.nan, math.inf, -math.inf])
def test_no_number_may_be_anything_but_finite(not_a_number):
    for section, cls, f in bounded_options():
        with pytest.raises(ConfigError, match=f"^{section}.{f.name}: {not_a_number}; must be a finite number"):
            check(replace(cls(), **{f.name: not_a_number}), section)


def test_a_batch_as_large_as_the_training_set_is_allowed_and_a_fresh_one_of_any_size():
    assert from_node(node(training__batch_size=1670)).training.batch_size == 1670
    fresh = node(task={"name": "adding", "n_train": 5}, training__fresh=True, training__batch_size=100)
    assert from_node(fresh).training.batch_size == 100


def test_what_may_stand_side_by_side_is_accepted():
    """Both clippings; an embedding, where tokens are read; no hidden layer, where numbers are."""
    run = from_node(node(optimizer__clip_norm=1.0, optimizer__clip_value=0.1))
    assert (run.optimizer.clip_norm, run.optimizer.clip_value) == (1.0, 0.1)
    assert from_node(node(task={"name": "ship"}, cell__embedding_size=8)).cell.embedding_size == 8
    assert from_node(node(cell__num_layers=0)).cell.num_layers == 0
    assert from_node(node(init__weights="orthogonal")).init.weights == "orthogonal"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"device": "gpu"}, ["device", "'gpu'", "cpu, cuda"]),
        ({"backend": "numba"}, ["backend", "'numba'", "auto, compiled, torch"]),
        ({"study": "a/b"}, ["study", "'a/b'"]),
        ({"study": ""}, ["study", "''"]),
        ({"study": ".."}, ["study", "'..'"]),
        ({"study": None}, ["study", "None"]),
        ({"until": "certain"}, ["until", "'certain'", "decided, precise"]),
        ({"first_seeds": 1}, ["first_seeds", "1", "a whole number at least 2"]),
        ({"max_seeds": "many"}, ["max_seeds", "many", "a whole number at least 2"]),
        ({"max_seeds": True}, ["max_seeds", "true", "a whole number at least 2"]),
        ({"until": "precise"}, ["precision", "null", "a number above 0"]),
        ({"until": "precise", "precision": 0}, ["precision", "0", "above 0"]),
        ({"until": "precise", "precision": float("inf")}, ["precision", "inf", "a finite number"]),
        ({"until": "decided", "precision": 0.1}, ["precision", "0.1", "null unless until=precise"]),
    ],
    ids=str,
)
def test_what_surrounds_a_run_is_checked_too(values, expected):
    with pytest.raises(ConfigError) as caught:
        check_surroundings(OmegaConf.create({"device": "cpu", "backend": "auto", "study": "scratch"} | values))
    assert all(part in str(caught.value) for part in expected)
    assert "\n" not in str(caught.value)


def test_surroundings_that_can_be_used_pass():
    for backend in ("auto", "compiled", "torch"):
        check_surroundings(OmegaConf.create({"device": "cpu", "backend": backend, "study": "my_study-2"}))


def test_a_sweep_goes_on_until_its_claims_are_decided_or_precise_only_where_somebody_asks_for_it():
    asked = {"first_seeds": 10, "max_seeds": 80, "precision": None}
    assert until_of({"until": None, **asked}) is None
    assert until_of({"until": "decided", **asked}) == Until("decided", 10, 80, None)
    assert until_of({"until": "precise", **asked, "precision": 1}) == Until("precise", 10, 80, 1)


# Identity


def another(value):
    """A value of the same kind that is not equal."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return 1 if value is None else f"{value}2"


BUSY = {"cell__num_layers": 2, "cell__embedding_size": 3, "task__name": "ship"}  # so that every option acts


def test_the_hash_changes_with_every_single_option_that_acts():
    for section, cls, f in options():
        run = from_node(node(**BUSY))
        own = replace(cls(), num_layers=2, embedding_size=3) if section == "cell" else cls()
        own = replace(own, horizon=2) if cls.__name__ == "Series" else own
        run, value = replace(run, **{section: own}), getattr(own, f.name)
        members = rule_of(f).members
        other = another(value) if members is None else next(cls() for cls in members.values() if cls is not type(value))
        changed = replace(run, **{section: replace(own, **{f.name: other})})
        other_run = rule_of(f).identifies
        assert (changed.run_id != run.run_id) == other_run, (section, f.name)
        assert (changed.condition_id != run.condition_id) == other_run, (section, f.name)


def test_whether_weights_are_kept_is_no_part_of_a_run_and_nothing_is_said_of_it():
    values = node(training={"save_weights": False})
    run = from_node(values)
    assert run.run_id == from_node(node()).run_id and not run.training.save_weights
    assert "save_weights" not in run.as_dict()["training"]
    assert idle_options(values, run) == {}


@pytest.mark.parametrize(
    "chosen",
    [
        {"cell__activation": "leaky_relu", "cell__negative_slope": 0.3},
        {"cell__activation": "celu", "cell__alpha": 2.0},
        LSTM | {"cell__gate_activation": "elu", "cell__gate_alpha": 2.0},
        {"optimizer__schedule": "step", "optimizer__step_every": 9},
        {"optimizer__schedule": "step", "optimizer__step_factor": 0.5},
    ],
    ids=str,
)
def test_the_hash_changes_with_every_parameter_of_a_member(chosen):
    *without, _ = chosen.items()
    assert from_node(node(**chosen)).run_id != from_node(node(**dict(without))).run_id


def test_the_seed_changes_the_run_and_not_the_condition():
    runs = [from_node(node(seed=seed)) for seed in range(3)]
    assert len({run.run_id for run in runs}) == 3
    assert len({run.condition_id for run in runs}) == 1
    assert runs[0].run_id != runs[0].condition_id


def test_the_hash_does_not_depend_on_the_order_of_keys():
    made = node(cell__activation="relu", cell__bias=False, training__steps=3, seed=2)
    backwards = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(made.items())
    }
    assert from_node(made).run_id == from_node(backwards).run_id
    assert content_hash({"a": 1, "b": {"c": 2, "d": 3}}) == content_hash({"b": {"d": 3, "c": 2}, "a": 1})


def test_the_hash_does_not_depend_on_how_a_number_was_typed():
    ids = {from_node(node(optimizer__learning_rate=typed)).run_id for typed in (1, 1.0, "1", "1e0", "1.00")}
    assert len(ids) == 1


def test_a_default_that_is_stated_does_not_change_the_hash():
    assert from_node(node(cell__hidden_size=50, seed=0)).run_id == from_node(MINIMAL).run_id


def test_the_hash_does_not_depend_on_device_backend_or_study():
    assert from_node(node(device="cuda", backend="torch", study="x", question="?")).run_id == from_node(MINIMAL).run_id


def test_a_run_id_is_twelve_hexadecimal_digits():
    run_id = from_node(MINIMAL).run_id
    assert len(run_id) == 12
    int(run_id, 16)


def test_the_folder_is_readable_and_ends_in_the_run_id():
    run = from_node(node(task__name="sinc", cell__name="memoryless", cell__activation="relu6", seed=12))
    assert run.folder == f"sinc-memoryless-relu6-s12-{run.run_id}"
    linear = from_node(node(cell__num_layers=0))
    assert linear.folder == f"sines-rnn-s0-{linear.run_id}"


def test_a_run_as_plain_data_makes_the_same_run_again():
    run = from_node(node(cell__activation="elu", cell__alpha=0.3, task__noise=0.1, optimizer__clip_norm=1.5, seed=9))
    assert from_node(run.as_dict()) == run
    assert run.as_dict()["cell"].items() >= {"name": "rnn", "activation": "elu", "alpha": 0.3}.items()
    assert not any(is_dataclass(value) for value in run.as_dict().values())


def test_the_run_of_another_seed_is_the_one_that_is_made_from_the_beginning(run_config):
    first = run_config("adding", cell="gru", seed=3, cell__activation="relu")
    for seed in (0, 3, 2**53 - 1):
        other, alone = first.with_seed(seed), run_config("adding", cell="gru", seed=seed, cell__activation="relu")
        assert other == alone
        assert (other.run_id, other.condition_id, other.folder) == (alone.run_id, alone.condition_id, alone.folder)
        assert other.run_id == content_hash(other.as_dict())
        assert other.code == alone.code
        assert pickle.loads(pickle.dumps(other)) == alone


@pytest.mark.parametrize("seed", [-1, True, "3", 1.0, None, 2**53, 12345678901234567890])
def test_a_seed_that_cannot_be_used_is_refused_in_every_way(run_config, seed):
    for make in (lambda: run_config(seed=seed), lambda: run_config().with_seed(seed)):
        with pytest.raises(ConfigError, match=r"^seed: .*; must be a whole number"):
            make()


@pytest.mark.parametrize("value", [2**53, 10**400, -(10**400)])
@pytest.mark.parametrize("key", ["cell__hidden_size", "training__steps", "training__eval_every", "task__n_points"])
def test_a_whole_number_without_bounds_ends_at_what_every_reader_reads(run_config, key, value):
    with pytest.raises(ConfigError, match=r"must be a whole number of at most 9007199254740991 \(2\^53 - 1\)$"):
        run_config(**{key: value})


@pytest.mark.parametrize("name", ["embedding", "input", "recurrent", "readout", "bias"])
def test_a_scale_of_first_weights_is_not_negative(run_config, name):
    with pytest.raises(ConfigError, match=f"^init.{name}_scale: -1.0; must be a finite number at least 0$"):
        run_config(**{f"init__{name}_scale": -1})
