import pytest

from rnnlab.report.judging.labels import ACTIVATIONS, base_of, by_value, in_order, short, with_parameters, written

NAMES = "tanh sigmoid relu leaky_relu identity elu selu celu gelu silu mish softplus softsign hardtanh relu6 sine"


def test_every_activation_of_the_lab_has_a_place():
    assert list(ACTIVATIONS) == NAMES.split()


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


def test_labels_come_in_the_order_of_the_list_then_by_alphabet():
    assert in_order(["zeta", "relu", "alpha", "tanh"]) == ["tanh", "relu", "alpha", "zeta"]


def test_labels_of_one_activation_come_by_the_size_of_their_parameters():
    labels = ["elu(10.0)", "elu(2.0)", "zeta(3, 10)", "zeta(3, 9)", "elu", "leaky_relu(-1.0)", "leaky_relu(-2.0)"]
    assert in_order(labels) == [
        "leaky_relu(-2.0)", "leaky_relu(-1.0)", "elu", "elu(2.0)", "elu(10.0)", "zeta(3, 9)", "zeta(3, 10)",
    ]  # fmt: skip


def test_a_label_holds_the_parameters_of_its_activation():
    assert with_parameters("tanh", []) == "tanh"
    assert with_parameters("zeta", [0.3, True]) == "zeta(0.3, true)" and base_of("zeta(0.3, true)") == "zeta"


def test_values_are_sorted_by_size_then_by_alphabet_and_what_is_not_there_comes_last():
    assert sorted([None, "b", 10, "a", 9.5], key=by_value) == [9.5, 10, "a", "b", None]
