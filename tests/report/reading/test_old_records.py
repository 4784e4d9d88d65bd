import pytest

from rnnlab.report.reading.old_records import acting
from rnnlab.report.reading.read import read_study


@pytest.mark.parametrize(
    ("activation", "kept"),
    [
        ("tanh", set()),
        ("leaky_relu", {"cell.negative_slope"}),
        ("elu", {"cell.alpha"}),
        ("celu", {"cell.alpha"}),
        ("an_activation_of_a_user", {"cell.negative_slope", "cell.alpha"}),
    ],
)
def test_only_the_parameters_of_its_activation_are_left_to_a_cell(activation, kept):
    config = {"cell.activation": activation, "cell.negative_slope": 0.01, "cell.alpha": 1.0}
    assert set(acting(config)) == {"cell.activation"} | kept


@pytest.mark.parametrize(
    ("config", "idle"),
    [
        ({"cell.num_layers": 1, "cell.dropout": 0.3}, {"cell.dropout"}),
        ({"cell.num_layers": 0, "cell.dropout": 0.3, "readout.dropout": 0.3}, {"cell.dropout"}),
        (
            {"cell.num_layers": 0, "cell.activation": "relu", "cell.hidden_size": 8, "init.input": "uniform"},
            {"cell.activation", "init.input"},  # the initializers of the readout know the size
        ),
        (
            {"cell.num_layers": 0, "cell.bias": True, "readout.bias": False, "init.bias": "zeros"},
            {"cell.bias", "init.bias"},
        ),
        ({"cell.bias": False, "cell.forget_bias": 1.0}, {"cell.forget_bias"}),
        ({"training.eval_every": None, "training.stop_at_loss": 0.1}, {"training.stop_at_loss"}),
        ({"training.eval_every": 10, "training.stop_at_loss": 0.1}, set()),
        (
            {"task.valid_path": "a.txt", "task.valid_fraction": 0.1, "task.test_fraction": 0.1},
            {"task.valid_fraction", "task.test_fraction"},
        ),
        ({"task.valid_path": None, "task.valid_fraction": 0.1}, set()),
        ({"cell.num_layers": 2, "cell.dropout": 0.3}, set()),
        (
            {"cell.embedding_size": None, "init.embedding": "normal", "init.embedding_scale": 1.0},
            {"init.embedding", "init.embedding_scale"},
        ),
        ({"cell.embedding_size": 8, "init.embedding": "normal", "init.embedding_scale": 1.0}, set()),
        (
            {"optimizer.schedule": "cosine", "optimizer.step_every": 9, "optimizer.step_factor": 0.1},
            {"optimizer.step_every", "optimizer.step_factor"},
        ),
        ({"optimizer.schedule": "step", "optimizer.step_every": 9, "optimizer.step_factor": 0.1}, set()),
        ({"init.weights": None, "init.input": "uniform", "init.recurrent": "zeros", "init.readout": "uniform"}, set()),
        (
            {"init.weights": "normal", "init.input": "uniform", "init.readout": "uniform", "init.input_scale": 2.0},
            {"init.input", "init.readout"},
        ),
        (
            {"cell.name": "memoryless", "init.recurrent": "uniform", "init.recurrent_scale": 1.0},
            {"init.recurrent", "init.recurrent_scale"},
        ),
        (
            {"cell.bias": False, "readout.bias": False, "init.bias": "zeros", "init.bias_scale": 1.0},
            {"init.bias", "init.bias_scale"},
        ),
        ({"cell.bias": False, "readout.bias": True, "init.bias": "zeros", "init.bias_scale": 1.0}, set()),
    ],
)
def test_a_key_that_does_not_act_is_left_out(config, idle):
    assert set(config) - set(acting(config)) == idle
    assert acting(acting(config)) == acting(config)


def test_gates_have_their_own_parameters_which_in_old_records_were_those_of_the_cell():
    old = {"cell.activation": "tanh", "cell.gate_activation": "leaky_relu", "cell.negative_slope": 0.3, "cell.alpha": 1}
    new = {"cell.activation": "tanh", "cell.gate_activation": "leaky_relu", "cell.gate_negative_slope": 0.3}
    assert acting(old) == acting(new) == new
    both = old | {"cell.activation": "leaky_relu"}
    expected = new | {"cell.activation": "leaky_relu", "cell.negative_slope": 0.3}
    assert acting(both) == acting(expected) == expected
    apart = expected | {"cell.gate_negative_slope": 0.1}  # as only a new record can say
    assert acting(apart) == apart


def test_gates_of_a_network_without_layers_have_no_parameters():
    old = {"cell.num_layers": 0, "cell.gate_activation": "elu", "cell.activation": "elu", "cell.alpha": 0.5}
    assert acting(old) == {"cell.num_layers": 0}


@pytest.mark.parametrize("activation", ["tanh", "leaky_relu", "elu"])
def test_an_old_and_a_new_record_of_one_run_are_counted_once(build, tmp_path, activation):
    own = {"leaky_relu": "negative_slope", "elu": "alpha"}.get(activation)
    old = build.record(activation=activation, cell__num_layers=1, cell__dropout=0.0, cell__embedding_size=None)
    new = build.record(activation=activation, cell__num_layers=1)
    for name in {"negative_slope", "alpha"} - {own}:
        del new.config["cell"][name]
    build.runs(tmp_path, [old, new])
    study = read_study(tmp_path)
    assert len(study.members) == 1 and [problem.kind for problem in study.problems] == ["repeated"]


@pytest.mark.parametrize("name", ["sines", "sinc"])
def test_the_curves_of_old_records_are_interleaved_and_those_of_new_ones_what_they_say(name):
    assert acting({"task.name": name}) == {"task.name": name, "task.split": "interleaved"}
    new = {"task.name": name, "task.split": "held_out", "task.valid_fraction": 0.15, "task.test_fraction": 0.15}
    assert acting(new) == new
    assert acting({"task.name": "series"}) == {"task.name": "series"}


def test_an_old_run_of_a_curve_and_the_interleaved_run_of_today_are_one(build, tmp_path):
    old = build.record()
    today = build.record(task__split="interleaved")
    held_out = build.record(task__split="held_out")
    study = read_study(build.runs(tmp_path, [old, today, held_out]))
    assert len(study.members) == 2 and [problem.kind for problem in study.problems] == ["repeated"]


def test_the_series_of_old_records_forecast_the_last_step_of_their_horizon():
    old = {"task.name": "series", "task.horizon": 3}
    assert acting(old) == old | {"task.forecast": "last_step"}
    new = old | {"task.forecast": "every_step"}
    assert acting(new) == new
    assert acting({"task.name": "series", "task.horizon": 1}) == {"task.name": "series", "task.horizon": 1}
