import pytest

from rnnlab.report.judging.conditions import design_of, short, written
from rnnlab.report.reading.read import read_study


def design(build, folder, records):
    return design_of(read_study(build.runs(folder, records)).members)


def test_only_keys_that_vary_by_themselves_are_axes(study_folder):
    found = design_of(read_study(study_folder).members)
    assert found.axes == ("task.name", "cell.activation")
    assert found.tasks == ("digits", "sines") and found.labels == ("tanh", "sigmoid", "relu", "leaky_relu")
    assert all(len(condition.runs) == 5 for condition in found.conditions)


def test_a_key_that_the_task_decides_is_a_constant_of_that_task(study_folder):
    constants = dict(design_of(read_study(study_folder).members).constants)
    assert constants["task.window"] == "10 (sines)"
    assert constants["cell.hidden_size"] == "50" and constants["readout.bias"] == "false"
    assert "seed" not in constants


def test_an_axis_beside_the_activation_becomes_a_facet_in_the_order_of_its_numbers(build, tmp_path):
    rates = (10.0, 9.0, 0.1)
    records = [
        build.record(activation=name, optimizer__learning_rate=rate) for name in ("relu", "tanh") for rate in rates
    ]
    found = design(build, tmp_path, records)
    assert found.facets == ("learning_rate 0.1", "learning_rate 9.0", "learning_rate 10.0")
    assert found.conditions[0].name == "tanh with learning_rate 0.1"
    assert found.conditions[0].settings == (("cell.activation", "tanh"), ("optimizer.learning_rate", "0.1"))


def test_a_swept_slope_tells_its_activations_apart(build, tmp_path):
    records = [build.record(activation="leaky_relu", cell__negative_slope=slope) for slope in (0.3, 0.01)]
    found = design(build, tmp_path, [*records, build.record(activation="tanh")])
    assert found.labels == ("tanh", "leaky_relu(0.01)", "leaky_relu(0.3)")
    assert found.facets == ("",)


def test_the_readout_is_compared_when_the_cell_stays_the_same(build, tmp_path):
    records = [build.record(readout__activation=name) for name in ("linear", "softmax")]
    assert design(build, tmp_path, records).labels == ("linear", "softmax")


def test_both_activations_varying_gives_labels_and_facets(build, tmp_path):
    records = [
        build.record(activation=cell, readout__activation=readout)
        for cell in ("tanh", "relu")
        for readout in ("linear", "softmax")
    ]
    found = design(build, tmp_path, records)
    assert found.labels == ("tanh", "relu")
    assert found.facets == ("readout.activation linear", "readout.activation softmax")


def test_a_single_run_is_a_design_without_axes(build, tmp_path):
    found = design(build, tmp_path, [build.record()])
    assert found.axes == () and found.conditions[0].name == "tanh"


@pytest.mark.parametrize(
    "key, among, expected",
    [
        ("optimizer.learning_rate", (), "learning_rate"),
        ("optimizer.name", (), "optimizer"),
        ("readout.activation", (), "readout.activation"),
        ("init.scale", ("readout.scale",), "init.scale"),
    ],
)
def test_a_key_is_shortened_only_while_it_stays_clear(key, among, expected):
    assert short(key, (key, *among)) == expected


def test_values_are_written_as_on_the_command_line():
    assert [written(value) for value in (True, None, 0.005, "tanh", 3)] == ["true", "-", "0.005", "tanh", "3"]


def test_learning_rates_are_known_in_order_and_can_be_left_out_of_the_facet(build, tmp_path):
    records = [
        build.record(activation="tanh", optimizer__learning_rate=rate, cell__hidden_size=size)
        for rate in (0.1, 0.01)
        for size in (8, 16)
    ]
    found = design(build, tmp_path, records)
    assert found.rates == (0.01, 0.1) and found.facet_axes == ("optimizer.learning_rate", "cell.hidden_size")
    assert found.facet_without(found.conditions[0], "optimizer.learning_rate") == "hidden_size 8"
    assert found.numbers_of("cell.hidden_size") == (8, 16) and found.numbers_of("cell.activation") == ()
