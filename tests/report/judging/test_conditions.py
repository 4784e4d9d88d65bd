from dataclasses import replace

from rnnlab.report.judging.conditions import design_of, keys_of
from rnnlab.report.reading.read import read_study


def design(build, folder, records):
    return design_of(read_study(build.runs(folder, records)).members)


def acting(record, section="cell", **options):
    """The record with these options in place of what the section has beside its name and activation."""
    kept = {name: value for name, value in record.config[section].items() if name in ("name", "activation")}
    return replace(record, config=record.config | {section: kept | options})


def test_only_keys_that_vary_by_themselves_are_axes(study_folder):
    found = design_of(read_study(study_folder).members)
    assert found.axes == ("task.name", "cell.activation")
    assert found.tasks == ("digits", "sines") and found.labels == ("tanh", "sigmoid", "relu", "leaky_relu")
    assert all(len(condition.runs) == 5 for condition in found.conditions)


def test_a_key_that_the_task_decides_is_a_constant_of_that_task(study_folder):
    constants = dict(design_of(read_study(study_folder).members).keys.constants)
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


def test_a_key_with_the_values_of_another_is_no_axis_beside_it_where_some_runs_lack_it(build, tmp_path):
    """As in a sweep of depth and dropout with readout.dropout=${cell.dropout}: without layers none is between them."""
    records = []
    for n, (layers, dropout) in enumerate((layers, dropout) for layers in (0, 2, 4) for dropout in (0.0, 0.3)):
        for seed in range(2):
            between = {"dropout": dropout} if layers else {}
            record = acting(build.record(seed=seed, readout__dropout=dropout), num_layers=layers, **between)
            records.append(replace(record, run_id=f"{n}-{seed}"))
    found = design(build, tmp_path, records)
    assert found.axes == ("readout.dropout", "cell.num_layers")  # where cell.dropout stands, if all runs have it
    assert found.keys.deciders["cell.dropout"] == "readout.dropout"
    assert dict(found.keys.constants)["cell.dropout"] == "0.0 (0.0), 0.3 (0.3)"
    assert [len(condition.runs) for condition in found.conditions] == [2] * 6
    assert found.facets[0] == "dropout 0.0, num_layers 0"


def without_activation(record, **options):
    """A record of a network without layers."""
    return replace(record, config=record.config | {"cell": {"name": "rnn", "num_layers": 0} | options})


def test_a_network_without_layers_has_the_label_of_the_others_where_they_have_one(build, tmp_path):
    records = [acting(build.record(activation="relu", seed=n), num_layers=n) for n in (2, 4)]
    found = design(build, tmp_path, [without_activation(build.record(seed=0)), *records])
    assert found.axes == ("cell.num_layers",) and found.labels == ("relu",)
    assert dict(found.keys.constants)["cell.activation"] == "relu (2, 4)"


def test_a_network_without_layers_has_a_label_of_its_own_among_several(build, tmp_path):
    records = [acting(build.record(activation=name), num_layers=2) for name in ("relu", "tanh")]
    found = design(build, tmp_path, [without_activation(build.record(seed=0, readout__bias=True)), *records])
    assert found.axes == ("cell.activation", "cell.num_layers") and found.labels == ("tanh", "relu", "-")


def test_where_all_runs_have_both_the_first_by_name_is_the_axis(build, tmp_path):
    records = [
        replace(acting(build.record(readout__dropout=dropout), num_layers=2, dropout=dropout), run_id=str(dropout))
        for dropout in (0.0, 0.3)
    ]
    found = design(build, tmp_path, records)
    assert found.axes == ("cell.dropout",) and found.keys.deciders == {"readout.dropout": "cell.dropout"}


def test_no_two_settings_ever_share_a_condition():
    """A key of which nothing tells whether it is there is an axis, though it has one value where it is."""
    rows = [{"task.name": "sines", "training.new": 1}, {"task.name": "sines"}]
    assert keys_of(rows).axes == ("training.new",)
    assert keys_of([row | {"cell.name": name} for row, name in zip(rows, ("rnn", "lstm"), strict=True)]).axes == (
        "cell.name",
    )


def test_a_key_that_two_axes_decide_only_together_is_an_axis():
    rows = [
        {"task.name": "sines", "a": a, "b": b, "c": (a + b) % 2} for a in (0, 1) for b in (0, 1)
    ]  # nobody would guess c from a and b
    assert keys_of(rows).axes == ("a", "b", "c")


def test_a_parameter_of_a_users_activation_is_known_by_the_runs_that_have_it(build, tmp_path):
    records = [
        replace(acting(build.record(activation="snake"), frequency=f, hidden_size=8), run_id=f"snake{f}")
        for f in (1.0, 0.5)
    ]
    records += [acting(build.record(activation=name), hidden_size=8) for name in ("tanh", "relu")]
    found = design(build, tmp_path, records)
    assert found.labels == ("tanh", "relu", "snake(0.5)", "snake(1.0)") and found.facets == ("",)
    assert found.keys.parameters == ("cell.frequency",)


def test_several_parameters_stand_in_one_label(build, tmp_path):
    records = [
        replace(acting(build.record(activation="snake"), frequency=f, phase=p), run_id=f"snake{f}{p}")
        for f in (1, 2)
        for p in (0, 3)
    ]
    found = design(build, tmp_path, [*records, acting(build.record())])
    assert found.labels == ("tanh", "snake(1, 0)", "snake(1, 3)", "snake(2, 0)", "snake(2, 3)")


def test_an_option_of_a_cell_is_no_parameter_of_the_activation(build, tmp_path):
    """forget_bias is there with lstm alone; that lstm has tanh alone does not make it one of tanh."""
    records = []
    for n, (cell, activation, own) in enumerate(
        [("rnn", "relu", {}), ("lstm", "tanh", {"forget_bias": 0.0}), ("lstm", "tanh", {"forget_bias": 1.0})]
    ):
        record = acting(build.record(activation=activation, cell__name=cell), **own)
        records.append(replace(record, run_id=str(n)))
    found = design(build, tmp_path, records)
    assert found.labels == ("tanh", "relu") and found.keys.parameters == ()
    assert "forget_bias 1.0" in found.conditions[1].facet


def test_in_a_sweep_of_one_activation_its_parameter_is_known_by_its_name(build, tmp_path):
    records = [
        replace(acting(build.record(activation="leaky_relu"), negative_slope=slope, hidden_size=size), run_id=f"{n}")
        for n, (slope, size) in enumerate((slope, size) for slope in (-1.0, 0.0, 0.1) for size in (8, 16))
    ]
    found = design(build, tmp_path, records)
    assert found.labels == ("leaky_relu(-1.0)", "leaky_relu(0.0)", "leaky_relu(0.1)")
    assert found.facets == ("hidden_size 8", "hidden_size 16")


def test_a_hidden_size_that_was_matched_is_no_axis(build, tmp_path):
    """Task and activation decide it together, so without that knowledge it would be one."""
    sizes = {("sines", "tanh"): 40, ("sines", "relu"): 20, ("digits", "tanh"): 20, ("digits", "relu"): 40}
    records = [build.record(task, name, cell__hidden_size=size) for (task, name), size in sizes.items()]
    runs = read_study(build.runs(tmp_path, records)).members
    plain, matched = (design_of(runs, following) for following in ({}, {"cell.hidden_size": "as many as fit"}))
    assert "cell.hidden_size" in plain.axes and "cell.hidden_size" not in matched.axes
    assert dict(matched.keys.constants)["cell.hidden_size"] == "20 to 40, as many as fit"
