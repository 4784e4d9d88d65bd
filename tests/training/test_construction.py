"""From configs to what a backend needs: architectures, recipes, and the initial weights of a run."""

import math
import zlib

import numpy as np
import pytest
import torch
from torch import Tensor

from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.gru import OriginalGruCell
from rnnlab.nets.initializers import Fan, draw
from rnnlab.training.construction import architecture, initial_weights, lane_recipe, recipe


def weights_of(run) -> dict[str, Tensor]:
    """A run's initial weights by name, (fan_in, gates * fan_out)."""
    row, places = initial_weights(run), architecture(run).places()
    assert row.shape == (sum(rows * columns for _, (rows, columns) in places.values()),)
    assert row.dtype == np.float32
    return {
        name: torch.from_numpy(row[start : start + rows * columns].reshape(rows, columns))
        for name, (start, (rows, columns)) in places.items()
    }


def gates_of(weights, name, gates):
    """The blocks of columns of a weight, by the names of its gates."""
    return dict(zip(gates, weights[name].chunk(len(gates), 1), strict=True))


LSTM_GATES = ("input", "forget", "output", "candidate")


def test_every_cell_of_the_config_is_built_and_all_its_weights_are_drawn(run_config):
    built = set()
    for cell, values in [*((name, {}) for name in CELLS), ("gru", {"cell__reset_after": False})]:
        run = run_config("ship", cell, cell__embedding_size=4, **values)
        built.add(architecture(run).cell)
        assert all(matrix.all() for matrix in weights_of(run).values())
    assert built == {*CELLS.values(), OriginalGruCell}


def test_a_network_has_the_sizes_of_its_task_and_cell(run_config):
    run = run_config("ship", "gru", cell__embedding_size=4, cell__num_layers=2, cell__bias=False, readout__bias=False)
    a = architecture(run)
    assert (a.input_size, a.embedding_size, a.hidden_size, a.output_size) == (25, 4, 6, 25)
    assert (a.seq_len, a.answers, a.tokens, a.num_layers) == (5, "every", True, 2)
    assert list(weights_of(run)) == [
        *("embedding.weight", "layer0.weight_ih", "layer0.weight_hh", "layer1.weight_ih", "layer1.weight_hh"),
        "readout.weight",
    ]


def test_lanes_have_their_own_activations_and_gate_activations(run_config):
    runs = [
        run_config(cell="lstm", cell__activation="leaky_relu", cell__negative_slope=0.3),
        run_config(
            cell="lstm", cell__activation="elu", cell__alpha=2.0, cell__gate_activation="celu", cell__gate_alpha=3.0
        ),
    ]
    lanes = [lane_recipe(run, limit) for run, limit in zip(runs, (1.0, 2.0), strict=True)]
    assert [lane.activation.name for lane in lanes] == ["leaky_relu", "elu"]
    assert [lane.gate_activation.name for lane in lanes] == ["sigmoid", "celu"]
    assert lanes[0].activation.negative_slope == 0.3
    assert (lanes[1].activation.alpha, lanes[1].gate_activation.alpha) == (2.0, 3.0)
    assert [lane.loss_limit for lane in lanes] == [1.0, 2.0]


def test_a_recipe_has_the_whole_batch_where_no_size_is_given_and_knows_how_long_a_run_is(run_config):
    found = recipe(run_config("digits", training__batch_size=None, training__steps=9))
    assert (found.batch_size, found.n_steps, found.loss) == (run_config("digits").task.n_train, 9, "cross_entropy")
    assert recipe(run_config("digits", training__batch_size=7)).batch_size == 7


@pytest.mark.parametrize(
    ("values", "drops", "carries"),
    [
        ({}, False, False),
        ({"task": "text", "training__batch_size": 7}, False, True),
        ({"cell__num_layers": 2, "cell__dropout": 0.1}, True, False),
        ({"readout__dropout": 0.1}, True, False),
    ],
    ids=str,
)
def test_a_recipe_says_whether_states_are_carried_and_dropped(values, drops, carries, run_config):
    found = recipe(run_config(**values))
    assert (found.drops, found.carries) == (drops, carries)


@pytest.mark.parametrize("forget_bias", [1.0, -2.5])
def test_the_forget_bias_is_added_to_the_forget_gates_bias_alone(forget_bias, run_config):
    values = {"cell": "lstm", "cell__num_layers": 2, "init__bias_scale": 0.5}
    plain, biased = (weights_of(run_config(**values, cell__forget_bias=added)) for added in (0.0, forget_bias))
    for name, matrix in plain.items():
        if not name.startswith("layer") or not name.endswith("bias"):
            assert torch.equal(biased[name], matrix)
            continue
        before, after = (gates_of(weights, name, LSTM_GATES) for weights in (plain, biased))
        for gate in LSTM_GATES:
            torch.testing.assert_close(after[gate], before[gate] + forget_bias * (gate == "forget"), rtol=0, atol=1e-6)


def test_every_gate_is_drawn_as_a_matrix_of_its_own(run_config):
    weights = weights_of(run_config(cell="lstm", init__recurrent="orthogonal", cell__hidden_size=8))
    gates = gates_of(weights, "layer0.weight_hh", LSTM_GATES)
    for gate in gates.values():
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=0, atol=1e-6)
    assert not torch.equal(gates["input"], gates["forget"])


def test_chrono_biases_follow_the_tasks_length(run_config):
    run = run_config("adding", "lstm", init__bias="chrono", task__length=50, cell__hidden_size=64)
    gates = gates_of(weights_of(run), "layer0.bias", LSTM_GATES)
    assert torch.equal(gates["input"], -gates["forget"])
    assert gates["forget"].min() >= 0
    assert 0.8 * math.log(49) < gates["forget"].max() <= math.log(49)
    assert not gates["output"].any()
    assert not gates["candidate"].any()


def test_one_initializer_for_all_weights_leaves_biases_and_embeddings_as_they_are(run_config):
    plain, same = (
        weights_of(run_config("ship", cell__embedding_size=4, init__weights=kind)) for kind in (None, "identity")
    )
    for name, matrix in same.items():
        if name in ("embedding.weight", "layer0.bias", "readout.bias"):
            assert torch.equal(matrix, plain[name])
        else:
            assert torch.equal(matrix, torch.eye(*matrix.shape))


def test_an_embedding_is_drawn_from_a_normal_distribution_by_default(run_config):
    embedding = weights_of(run_config("ship", cell__embedding_size=200))["embedding.weight"]
    assert embedding.shape == (25, 200)
    assert abs(embedding.std().item() - 1) < 0.05  # 5000 numbers: three standard errors are 0.03
    scaled = weights_of(run_config("ship", cell__embedding_size=200, init__embedding_scale=0.01))["embedding.weight"]
    torch.testing.assert_close(scaled, 0.01 * embedding)


def test_a_matrix_is_drawn_from_the_branch_of_the_seed_with_its_name(run_config):
    run = run_config(seed=11)
    branch = np.random.SeedSequence(11, spawn_key=(2, zlib.crc32(b"layer0.weight_hh")))
    expected = draw("uniform", np.random.default_rng(branch), Fan(6, 6, 6))
    np.testing.assert_array_equal(weights_of(run)["layer0.weight_hh"].numpy(), expected.astype(np.float32))


def test_a_scale_multiplies_the_draw(run_config):
    plain, scaled = (
        weights_of(run_config(init__input_scale=a, init__recurrent_scale=b, init__readout_scale=c, init__bias_scale=d))
        for a, b, c, d in [(1, 1, 1, 1), (2, 0.5, 0, 4)]
    )
    factors = {
        "layer0.weight_ih": 2,
        "layer0.weight_hh": 0.5,
        "readout.weight": 0,
        "layer0.bias": 4,
        "readout.bias": 4,
    }
    assert plain.keys() == factors.keys()
    for name, factor in factors.items():
        assert torch.equal(scaled[name], factor * plain[name])


def test_each_kind_of_weight_has_its_own_initializer(run_config):
    chosen = dict(init__input="zeros", init__recurrent="identity", init__readout="normal", init__bias="zeros")
    weights = weights_of(run_config(**chosen))
    assert not weights["layer0.weight_ih"].any()
    assert torch.equal(weights["layer0.weight_hh"], torch.eye(6))
    assert not weights["layer0.bias"].any()
    assert not weights["readout.bias"].any()
    assert weights["readout.weight"].all()


def test_a_missing_bias_or_another_layer_changes_no_other_draw(run_config):
    full = weights_of(run_config(cell__num_layers=2, seed=3))
    for values in (
        dict(cell__num_layers=1),
        dict(cell__bias=False),
        dict(readout__bias=False),
        dict(cell="memoryless"),
    ):
        less = weights_of(run_config(seed=3, **values))
        assert all(torch.equal(less[name], full[name]) for name in less)
        assert less.keys() < full.keys()


def test_another_seed_draws_other_weights_and_no_two_matrices_are_alike(run_config):
    first, second = (weights_of(run_config(cell__num_layers=2, seed=seed)) for seed in (0, 1))
    assert not any((first[name] == second[name]).any() for name in first)
    assert not (first["layer0.weight_hh"] == first["layer1.weight_hh"]).any()


def test_initial_weights_are_within_the_bounds_of_torch(run_config):
    weights = weights_of(run_config(cell__hidden_size=64))
    for name, bound in {
        "layer0.weight_ih": 1,
        "layer0.weight_hh": 1 / 8,
        "layer0.bias": 1 / 8,
        "readout.weight": 1 / 8,
    }.items():
        assert 0.8 * bound < weights[name].abs().max() <= bound
