"""Short texts learned by heart: windows, the least loss without memory, and what is said of known spellings."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.tasks import TASKS
from rnnlab.tasks.characters import SHIP

TEXTS = {"hihello": "hihello", "charseq": " if you want you", "ambiguous_hello": "hello", "ship": SHIP}
every_text = pytest.mark.parametrize("name", TEXTS)


def speaker(look, task, say):
    """A network that says of each character the one that `say` makes of the window so far."""
    token = {character: n for n, character in enumerate(task.characters)}

    def answer(windows):
        logits = np.zeros((*windows.shape, task.output_size), np.float32)
        for n, window in enumerate(windows):
            read = "".join(task.characters[k] for k in window)
            for t in range(len(read)):
                logits[n, t, token[say(read[: t + 1])]] = 1
        return logits

    return look.FakePredictor(answer)


@every_text
def test_inputs_and_targets_spell_the_text(name, look):
    task, text = TASKS[name](), TEXTS[name]
    T = task.seq_len
    for part in look.splits(task.data(0)).values():
        assert len(part) == len(text) - T
        for n in range(len(part)):
            assert "".join(task.characters[k] for k in part.inputs[n]) == text[n : n + T]
            assert "".join(task.characters[k] for k in part.targets[n]) == text[n + 1 : n + T + 1]


def test_the_sizes_are_those_of_the_source():
    """(samples, steps, characters) in F2's table: the sources feed one-hot vectors."""
    shapes = {
        name: (*TASKS[name]().data(0).train.inputs.shape, TASKS[name]().input_size)
        for name in ("hihello", "charseq", "ship")
    }
    assert shapes == {"hihello": (1, 6, 5), "charseq": (1, 15, 10), "ship": (170, 10, 25)}
    assert len(SHIP) == 180


def test_the_order_of_characters_is_that_of_hihello_in_the_source():
    """So that the argmax of NaNs, 0, is read as h, as in the post."""
    assert TASKS["hihello"]().characters == ("h", "i", "e", "l", "o")


@every_text
def test_the_loss_without_memory_is_that_of_the_best_table_of_successors(name):
    """Counted pair by pair, in words of their own."""
    task, text = TASKS[name](), TEXTS[name]
    T = task.seq_len
    pairs = [(text[n + t], text[n + t + 1]) for n in range(len(text) - T) for t in range(T)]
    firsts = [a for a, _ in pairs]
    losses = [-math.log(pairs.count(pair) / firsts.count(pair[0])) for pair in pairs]
    found = task.baselines(task.data(0))
    assert found["memoryless_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert found["memoryless_test_loss"] == found["memoryless_loss"], "every split is what was trained on"


@every_text
def test_the_naive_loss_is_that_of_the_characters_frequencies(name):
    task = TASKS[name]()
    said = task.data(0).train.targets.ravel().tolist()
    losses = [-math.log(said.count(token) / len(said)) for token in said]
    assert task.baselines(task.data(0))["naive_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-12)


def test_the_losses_without_memory_are_those_in_print():
    """12-3 of the source, softmax without recurrence on " if you want you", is stuck at 0.277."""
    losses = {name: TASKS[name]().baselines(TASKS[name]().data(0))["memoryless_loss"] for name in TEXTS}
    assert losses["charseq"] == pytest.approx(0.277, abs=5e-4)
    assert losses["ambiguous_hello"] == pytest.approx(2 * math.log(2) / 4, rel=1e-12)
    assert losses["hihello"] == pytest.approx(4 * math.log(2) / 6, rel=1e-12)


@every_text
def test_a_network_that_knows_the_text_spells_it(name, look):
    task, text = TASKS[name](), TEXTS[name]

    def next_character(read):
        places = [n for n in range(len(text) - len(read)) if text.startswith(read, n)]
        return text[places[0] + len(read)]

    # what is not told apart by a window's beginning is not asked of this network: ship is given as a table
    if name == "ship":
        truth = task.data(0).test.targets
        network = look.FakePredictor(lambda x: np.eye(task.output_size, dtype=np.float32)[truth])
    else:
        network = speaker(look, task, next_character)
    (finding,) = task.examine([task.data(0)], network)
    assert finding.metrics == {"accuracy": 1.0, "spelled": 1.0}
    assert "".join(finding.predictions["predicted"]) == text[1:]
    assert finding.predictions["position"].tolist() == list(range(len(text) - 1))
    assert not finding.predictions["sample"].any()


def test_what_is_decoded_is_the_first_window_and_then_every_last_character(look):
    task = replace(TASKS["ship"](), window=3)
    data = task.data(0)
    said = np.random.default_rng(0).integers(25, size=data.test.targets.shape)
    network = look.FakePredictor(lambda x: np.eye(25, dtype=np.float32)[said])
    (finding,) = task.examine([data], network)
    words = [task.characters[k] for k in [*said[0], *said[1:, 2]]]
    assert finding.predictions["predicted"].tolist() == words
    assert "".join(finding.predictions["truth"]) == SHIP[1:]
    right = sum(a == b for a, b in zip(said.ravel().tolist(), data.test.targets.ravel().tolist(), strict=True))
    assert finding.metrics == {"accuracy": right / said.size, "spelled": 0.0}


def test_outputs_of_nan_spell_the_first_character(look):
    task = TASKS["hihello"]()
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: np.full((1, 6, 5), np.nan, np.float32)))
    assert "".join(finding.predictions["predicted"]) == "hhhhhh"
    assert finding.metrics == {"accuracy": 1 / 6, "spelled": 0.0}


def test_a_window_as_long_as_the_sentence_is_refused(look):
    assert look.refusal(replace(TASKS["ship"](), window=180)).startswith("task.window: 180; must be below 180")
    replace(TASKS["ship"](), window=179).check()
