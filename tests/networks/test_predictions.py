"""What a network says of the data in their own units is what its record says it said, for every task.

The data are made here from their sources, not from what the task made of them, wherever there is a source."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from rnnlab.nets.cells import CELLS
from rnnlab.nets.losses import READOUT_ACTIVATIONS
from rnnlab.networks.record import network_of
from rnnlab.tasks import TASKS
from rnnlab.tasks.airline import PASSENGERS

CLOSE = {"rtol": 1e-5, "atol": 1e-5}  # float32
TRAINED = {"training__steps": 20, "optimizer__learning_rate": 0.02}


def assert_predicts(network, windows, predictions, truth=None):
    """windows (N, T) in their own unit: the forecasts, one by one and in closed loop."""
    np.testing.assert_allclose(network.predict(windows), predictions["one_step"], **CLOSE)
    np.testing.assert_allclose(network.predict(windows[3]), predictions["one_step"][3], **CLOSE)
    window, said = windows[0], []
    for _ in range(np.isfinite(predictions["closed_loop"]).sum()):
        said.append(network.predict(window))
        window = np.append(window[1:], said[-1])
    scale = np.abs(windows).max()
    np.testing.assert_allclose(said, predictions["closed_loop"][: len(said)], rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("name", ["sines", "sinc"])
def test_a_curve_in_its_unit(name, recorded, predictions):
    found = predictions(folder := recorded(name, **TRAINED))
    task = network_of(folder).task
    curve = {"sines": lambda t: np.sin(t) + np.sin(2 * t), "sinc": lambda t: np.sinc(t / np.pi)}[name]
    y = curve(np.linspace(task.start, task.stop, task.n_points))
    windows = np.lib.stride_tricks.sliding_window_view(y, task.window + 1)[-len(found["t"]) :]
    np.testing.assert_allclose(windows[:, -1], found["truth"], **CLOSE)
    assert_predicts(network_of(folder), windows[:, :-1], found)


@pytest.mark.parametrize("scaling", ["minmax", "standard", "none"])
def test_a_series_in_its_unit(scaling, recorded, predictions):
    found = predictions(folder := recorded("series", task__scaling=scaling, **TRAINED))
    passengers = np.array(PASSENGERS.split(), dtype=float)
    windows = np.lib.stride_tricks.sliding_window_view(passengers, 6)[-len(found["t"]) :]
    np.testing.assert_allclose(windows[:, -1], found["truth"], rtol=1e-6)
    assert_predicts(network_of(folder), windows[:, :-1], found)
    assert np.ptp(found["one_step"]) > 0 or scaling == "none"


def test_a_table_in_its_units_where_its_file_is_no_longer_there(recorded, predictions, tmp_path, monkeypatch):
    rows = np.stack([10 + np.arange(60) % 7, 5000 - 30.0 * np.arange(60), np.sin(np.arange(60))], axis=1)
    monkeypatch.chdir(tmp_path)
    text = "".join(f"{a},{b!r},{c!r}\n" for a, b, c in rows.tolist())
    (tmp_path / "t.csv").write_text(f"Day,Load,Wind\n{text}")
    chosen = {"task__path": "t.csv", "task__columns": ["Wind", "Load"], "task__target": "Load", "task__horizon": 2}
    chosen |= {"task__forecast": "last_step"}
    found = predictions(folder := recorded("series", **chosen, **TRAINED))
    (tmp_path / "t.csv").unlink()
    windows = [rows[t - 6 : t - 1, [2, 1]] for t in range(60 - len(found["t"]), 60)]
    assert network_of(folder).preprocessing.names == ("Wind", "Load")
    said = network_of(folder).predict(np.stack(windows))
    np.testing.assert_allclose(said, found["one_step"], rtol=1e-5)
    np.testing.assert_allclose(found["truth"], rows[-len(said) :, 1])


def test_several_steps_ahead_with_a_category_as_columns_of_0_and_1(recorded, predictions, tmp_path):
    load, sky = 500 + 10.0 * np.arange(60) % 70, ["sun", "rain", "sun"] * 20
    rows = "".join(f"2024-{1 + n // 28:02}-{1 + n % 28:02},{load[n]:g},{sky[n]}\n" for n in range(60))
    (tmp_path / "t.csv").write_text(f"Day,Load,Sky\n{rows}")
    chosen = {"task__path": str(tmp_path / "t.csv"), "task__categories": ["Sky"], "task__horizon": 3}
    found = predictions(folder := recorded("series", **chosen, **TRAINED))
    (tmp_path / "t.csv").unlink()
    network = network_of(folder)
    assert network.preprocessing.names == ("Load", "Sky=rain", "Sky=sun")
    is_rain = np.array(sky) == "rain"
    table = np.stack([load, is_rain, ~is_rain], axis=1)
    first = 60 - len(found["t"])  # the first row that is predicted
    windows = np.stack([table[t - 5 : t] for t in range(first, 58)])
    said = network.predict(windows)
    assert said.shape == (len(windows), 3)
    for k, column in enumerate(("one_step", "step_2", "step_3")):
        np.testing.assert_allclose(said[:, k], found[column][k : k + len(said)], rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_photos_from_0_to_255_are_called_by_the_names_of_their_classes(channels, recorded, predictions, tmp_path):
    draw = np.random.default_rng(0)
    for name, low in (("cat", 0), ("dog", 120)):
        (tmp_path / name).mkdir()
        for n in range(15):
            pixels = draw.integers(low, low + 100, (4, 3, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{n}.png")
    chosen = {"task__data_dir": str(tmp_path), "task__channels": channels, "task__n_train_images": None}
    found = predictions(folder := recorded("rows", **chosen, **TRAINED))
    network = network_of(folder)
    images = network.task.data(0).test.inputs.reshape(-1, 4, 3, *([3] if channels == 3 else []))
    said = network.predict(255 * images.astype(float))
    np.testing.assert_array_equal(said, found["predicted"])
    assert set(said) <= {"cat", "dog"}
    assert network.predict(np.full(images.shape[1:], 60)) in ("cat", "dog")


@pytest.mark.parametrize("name", ["adding", "multiplication"])
def test_marked_numbers(name, recorded, predictions):
    found = predictions(folder := recorded(name, seed=3, **TRAINED))
    network = network_of(folder)
    test = network.task.data(3).test
    order = np.argsort(test.targets[:, 0], kind="stable")
    np.testing.assert_allclose(network.predict(test.inputs[order]), found["one_step"], **CLOSE)


@pytest.mark.parametrize("name", ["digits", "rows", "images", "pixels"])
def test_digits_in_pixels_from_0_to_16(name, recorded, predictions):
    found = predictions(folder := recorded(name, cell="memoryless" if name == "images" else "gru", **TRAINED))
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))[1497:]
    np.testing.assert_array_equal(labels[order], found["label"])
    network = network_of(folder)
    np.testing.assert_array_equal(network.predict(pixels[order].reshape(-1, 8, 8)), found["predicted"])
    assert network.predict(pixels[order[5]].reshape(8, 8)) == found["predicted"][5]
    assert len(np.unique(found["predicted"])) > 1


@pytest.mark.parametrize("permuted", [False, True])
def test_bytes_of_a_folder_of_images_from_0_to_255(permuted, recorded, predictions, tmp_path):
    images = {}
    for n, part in enumerate(("train", "t10k")):
        images[part] = np.random.default_rng(n).integers(0, 256, (60, 4, 3), np.uint8)
        header = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in (60, 4, 3))
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + images[part].tobytes())
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + (60).to_bytes(4, "big") + bytes(range(3)) * 20
        )
    chosen = {"task__data_dir": str(tmp_path), "task__permuted": permuted, "task__n_train_images": 50}
    found = predictions(folder := recorded("pixels", cell="lstm", **chosen, **TRAINED))
    np.testing.assert_array_equal(network_of(folder).predict(images["t10k"]), found["predicted"])


@pytest.mark.parametrize("name", ["hihello", "charseq", "ship", "ambiguous_hello"])
def test_a_short_text(name, recorded, predictions):
    found = predictions(folder := recorded(name, cell="lstm", **TRAINED))
    network = network_of(folder)
    text, T = network.task.text, network.task.seq_len
    said = [network.predict(text[n : n + T]) for n in range(len(text) - T)]
    assert said[0] + "".join(window[-1] for window in said[1:]) == "".join(found["predicted"])


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_a_text_where_its_file_is_no_longer_there(unit, recorded, predictions, tmp_path):
    text = "der Apfel fällt nicht weit vom Stamm\nder Stamm fällt weit\n" * 30
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    chosen = {"task__path": str(tmp_path / "t.txt"), "task__unit": unit, "task__n_tokens": None}
    found = predictions(folder := recorded("text", cell="gru", cell__embedding_size=3, **chosen, **TRAINED))
    (tmp_path / "t.txt").unlink()
    network = network_of(folder)
    tokens = list(text) if unit == "characters" else text.replace("\n", " <eos> ").split()
    begin, T = len(tokens) - int(0.1 * len(tokens)), network.task.window
    n_windows = (len(tokens) - begin - 1) // T
    said = []
    for n in range(n_windows):
        window = tokens[begin + n * T : begin + (n + 1) * T]
        asked = "".join(window) if unit == "characters" else " ".join(window).replace("<eos>", "\n")
        said += list(network.predict(asked))
        assert len(said) == (n + 1) * T
    assert said[: len(found["predicted"])] == list(found["predicted"])[: len(said)]
    assert len(set(said)) > 1


@pytest.mark.parametrize("name", ["copy", "temporal_order", "parity"])
def test_symbols_as_whole_numbers(name, recorded, predictions):
    found = predictions(folder := recorded(name, seed=2, **TRAINED))
    network = network_of(folder)
    said = network.predict(network.task.data(2).test.inputs)
    if name == "copy":
        blank = network.task.n_kinds
        shown = ["_" if symbol == blank else str(symbol) for symbol in said.ravel()]
        assert shown == [str(symbol) for symbol in found["predicted"]][: len(shown)]
    else:
        np.testing.assert_array_equal(said, found["predicted"])


def test_every_task_is_tried_above():
    tried = (
        "sines sinc series adding multiplication digits rows images pixels hihello charseq ship ambiguous_hello text"
    )
    assert {*tried.split(), "copy", "temporal_order", "parity"} == set(TASKS)


# Every kind of network


@pytest.mark.parametrize("options", [
    {"cell__num_layers": 2, "cell__activation": "leaky_relu", "cell__negative_slope": 0.3},
    {"cell__bias": False, "readout__bias": False, "cell__activation": "sine"},
    {"cell__num_layers": 0},
    {"cell__num_layers": 2, "cell__dropout": 0.4, "readout__dropout": 0.3},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_with_and_without_layers_biases_and_dropout(cell, options, recorded, predictions):
    found = predictions(folder := recorded("sines", cell=cell, **options, **TRAINED))
    network = network_of(folder)
    np.testing.assert_allclose(network.predict(network.task.data(0).test.inputs), found["one_step"], **CLOSE)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_with_another_activation_and_the_authors_gru(cell, recorded, predictions):
    options = {"cell__gate_activation": "elu", "cell__gate_alpha": 0.5}
    options |= {"cell__forget_bias": 1.0} if cell == "lstm" else {"cell__reset_after": False}
    found = predictions(folder := recorded("sines", cell=cell, **options, **TRAINED))
    network = network_of(folder)
    np.testing.assert_allclose(network.predict(network.task.data(0).test.inputs), found["one_step"], **CLOSE)


@pytest.mark.parametrize("activation", READOUT_ACTIVATIONS)
def test_every_activation_of_the_readout(activation, recorded, predictions):
    found = predictions(folder := recorded("digits", readout__activation=activation, **TRAINED))
    network = network_of(folder)
    outputs = network.outputs(16 * network.task.data(0).test.inputs)
    np.testing.assert_allclose(outputs.max(axis=1), found["output"], **CLOSE)


def test_a_run_that_diverged_has_the_last_finite_weights_which_its_record_was_made_with(recorded, predictions):
    options = {"optimizer": "sgd", "optimizer__learning_rate": 1e4, "cell__activation": "relu", "training__steps": 30}
    found = predictions(folder := recorded("sines", **options))
    network = network_of(folder)
    assert all(bool(tensor.isfinite().all()) for tensor in network.parameters())
    said = network.predict(network.task.data(0).test.inputs)
    np.testing.assert_allclose(said, found["one_step"], rtol=1e-4)
