"""Language models of a text: windows of one stream, the vocabulary, what is refused, what follows from a loss."""

import hashlib
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.tasks import TASKS
from rnnlab.tasks.sums import in_words, sums

VERSE = "the sea, the sea, the open sea, the blue, the fresh, the ever free.\n"


@pytest.fixture
def text_of(tmp_path):
    """text_of("content", ...options) -> the task of a file that holds it; three contents make three files."""

    def make(*contents, **options):
        for option, content in zip(("path", "valid_path", "test_path"), contents, strict=False):
            file = tmp_path / f"{option}.txt"
            file.write_text(content, encoding="utf-8")
            options[option] = str(file)
        return replace(TASKS["text"](), **{"window": 5} | options)

    return make


def spoken(task, tokens, glue=""):
    return glue.join(task.vocabulary[k] for k in tokens.ravel())


def test_parts_are_cut_by_position_and_windows_follow_each_other(text_of, look):
    text = VERSE * 10
    task = text_of(text, window=7, valid_fraction=0.2, test_fraction=0.1)
    n = len(text)
    test, valid = n - int(0.1 * n), n - int(0.1 * n) - int(0.2 * n)
    cuts = {"train": text[:valid], "eval": text[valid:test], "test": text[test:]}
    for name, part in look.splits(task.data(0)).items():
        n_windows = (len(cuts[name]) - 1) // 7
        assert part.inputs.shape == part.targets.shape == (n_windows, 7)
        assert spoken(task, part.inputs) == cuts[name][: 7 * n_windows]
        assert spoken(task, part.targets) == cuts[name][1 : 7 * n_windows + 1]


def test_three_files_are_the_three_parts(text_of, look):
    texts = [VERSE * 3, VERSE[::-1], VERSE * 2]
    task = text_of(*texts)
    task.check()
    for text, part in zip(texts, look.splits(task.data(0)).values(), strict=True):
        n = (len(text) - 1) // 5 * 5
        assert spoken(task, part.inputs) == text[:n]


def test_words_are_what_stands_between_spaces_and_a_line_ends_with_eos(text_of):
    task = text_of("a b\n c  b a\n\nb\n" * 20, unit="words", window=3)
    assert spoken(task, task.data(0).train.inputs[:3], " ") == "a b <eos> c b a <eos> <eos> b"
    assert set(task.vocabulary) == {"a", "b", "c", "<eos>"}


def test_the_vocabulary_is_that_of_the_training_part_most_frequent_first(text_of):
    task = text_of(VERSE * 20)
    n = len(VERSE * 20)
    counts = Counter((VERSE * 20)[: n - 2 * int(0.1 * n)])
    assert list(task.vocabulary) == sorted(counts, key=lambda c: (-counts[c], c))
    assert task.input_size == task.output_size == len(counts)


def test_a_limited_vocabulary_has_unk_for_the_rest(text_of):
    task = text_of(VERSE * 20, unit="words", vocabulary_size=3)
    assert task.vocabulary == ("the", "sea,", "<unk>")
    said = spoken(task, task.data(0).train.inputs[:2], " ")
    assert said == "the sea, the sea, the <unk> sea, the <unk> the"


def test_a_text_that_has_unk_itself_needs_no_other(text_of):
    """As the Penn treebank does."""
    capped = text_of("a <unk> b\n" * 40, unit="words", vocabulary_size=4)
    assert sorted(capped.vocabulary) == ["<eos>", "<unk>", "a", "b"]
    open_ = text_of("a <unk> b\n" * 40, "a c\n" * 9, "b d\n" * 9, unit="words")
    assert spoken(open_, open_.data(0).eval.inputs[0, :3], " ") == "a <unk> <eos>"


def test_only_the_first_tokens_are_read_where_so_many_are_asked_for(text_of):
    task = text_of(VERSE * 20, n_tokens=100)
    assert len(task.data(0).train) == 79 // 5
    three = text_of(VERSE * 20, VERSE, VERSE, n_tokens=100)
    assert (len(three.data(0).train), len(three.data(0).eval)) == (99 // 5, (len(VERSE) - 1) // 5)


def test_characters_that_are_not_in_the_training_part_are_one_class_and_are_said(text_of):
    text = VERSE * 10
    task = text_of(text[:600] + "QQZ" + text[603:650] + "Q" + text[651:])
    assert task.vocabulary[-1] == "<unk>" and "Q" not in task.vocabulary
    assert len(task.vocabulary) == len(set(VERSE)) + 1
    (remark,) = task.remarks
    assert remark.endswith(
        "2 characters of the validation and test parts, 4 in all, are not in the training part and read as <unk>: "
        "'Q' (3), 'Z' (1)"
    )
    tokens = task.data(0).eval.inputs.ravel().tolist()  # the validation part begins at character 544
    assert [n for n, token in enumerate(tokens) if token == len(task.vocabulary) - 1] == [56, 57, 58]
    assert math.isfinite(task.baselines(task.data(0))["bigram_test_loss"])


def test_a_text_without_unknown_characters_has_no_class_for_them(text_of):
    task = text_of(VERSE * 10)
    assert set(task.vocabulary) == set(VERSE)
    assert task.remarks == ()


def test_unknown_characters_of_other_files_are_counted_together(text_of):
    task = text_of(VERSE * 3, VERSE + "Q", VERSE[:10] + "Q" + VERSE)
    assert "1 character of the validation and test parts, 2 in all, is not in the training part" in task.remarks[0]


def test_a_text_is_read_in_the_encoding_that_is_named(text_of):
    task = text_of("größe und maß. " * 40)
    (content, path) = (("größe und maß. " * 40).encode("latin-1"), task.path)
    with open(path, "wb") as file:
        file.write(content)
    named = replace(task, encoding="latin-1", window=6)
    assert spoken(named, named.data(0).train.inputs[:1]) == "größe "


# What is refused


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_an_empty_text_is_refused(unit, text_of, look):
    for content in ["", "  \n \n"] if unit == "words" else [""]:
        assert look.refusal(text_of(content, unit=unit)).endswith("path.txt'; the text is empty")
    refusal = look.refusal(text_of(VERSE * 9, "", VERSE))
    assert refusal.startswith("task.valid_path: ")
    assert refusal.endswith("the text is empty")


def test_a_part_shorter_than_a_window_and_its_target_is_refused(text_of, look):
    text_of(VERSE * 10, window=67).check()  # 680 characters: 544, 68, 68
    refusal = look.refusal(text_of(VERSE * 10, window=68))
    assert refusal.startswith("task.window: 68; the validation part of '")
    assert refusal.endswith("has 68 characters, and 69 are needed")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"valid_path": "a.txt"}, "task.valid_path: 'a.txt'; task.path, valid_path and test_path name three files"),
        ({"test_path": "a.txt"}, "task.valid_path: None; task.path, valid_path and test_path name three files"),
        ({"valid_fraction": 0.5, "test_fraction": 0.5}, "task.valid_fraction: 0.5; with task.test_fraction (0.5) must"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_each_other_are_refused(options, complaint, tmp_path, look, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(VERSE)
    assert look.refusal(replace(TASKS["text"](), **options)).startswith(complaint)


# What is said


def test_the_bigram_loss_is_that_of_counted_pairs(text_of):
    task = text_of(VERSE * 6, window=4)
    data = task.data(0)
    train = list(zip(data.train.inputs.ravel().tolist(), data.train.targets.ravel().tolist(), strict=True))
    seconds = [b for _, b in train]
    for name, part in {"bigram_loss": data.eval, "bigram_test_loss": data.test}.items():
        losses = []
        for a, b in zip(part.inputs.ravel().tolist(), part.targets.ravel().tolist(), strict=True):
            frequency = (seconds.count(b) + 1) / (len(seconds) + task.output_size)
            before = sum(first == a for first, _ in train)
            losses.append(-math.log((train.count((a, b)) + frequency) / (before + 1)))
        assert task.baselines(data)[name] == pytest.approx(sum(losses) / len(losses), rel=1e-12)


def test_perplexity_and_bits_follow_from_the_losses(text_of):
    task = text_of(VERSE * 10)
    assert task.metrics_of_losses(math.log(2), math.log(4), math.log(8)) == {
        "perplexity": pytest.approx(8),
        "bits_per_character": pytest.approx(3),
        "train_perplexity": pytest.approx(2),
        "train_bits_per_character": pytest.approx(1),
        "eval_perplexity": pytest.approx(4),
        "eval_bits_per_character": pytest.approx(2),
    }
    assert task.facts.score == "bits_per_character"


def test_words_have_a_perplexity_and_no_bits_per_character(text_of):
    task = text_of(VERSE * 10, unit="words")
    assert task.facts.score == "perplexity"
    assert task.metrics_of_losses(math.log(2), math.log(3), 0.0) == {
        "train_perplexity": pytest.approx(2),
        "eval_perplexity": pytest.approx(3),
        "perplexity": 1.0,
    }


def test_the_loss_of_a_diverged_network_has_an_infinite_perplexity_without_a_warning(text_of):
    metrics = text_of(VERSE * 10).metrics_of_losses(math.nan, 1e6, 1e6)
    assert math.isnan(metrics["train_perplexity"])
    assert metrics["eval_perplexity"] == metrics["perplexity"] == math.inf


def test_the_beginning_of_the_test_text_is_shown(look):
    task = TASKS["text"]()
    data = task.data(0)
    network = look.FakePredictor(lambda x: np.eye(task.output_size, dtype=np.float32)[x])  # says the last one again
    (finding,) = task.examine([data], network)
    columns = finding.predictions
    assert "".join(columns["predicted"]) == spoken(task, data.test.inputs[:4])
    assert "".join(columns["truth"]) == spoken(task, data.test.targets[:4])
    assert columns["sample"].tolist() == [n // 50 for n in range(200)]
    assert columns["position"].tolist() == [n % 50 for n in range(200)]


# The text that needs no file


def test_sums_are_right_and_each_is_there_once():
    numbers = {in_words(n): n for n in range(200)}
    assert len(numbers) == 200
    found = set()
    for line in sums().splitlines():
        a, b = line.split(" is ")[0].split(" plus ")
        assert numbers[a] + numbers[b] == numbers[line.removesuffix(".").split(" is ")[1]]
        found.add((a, b))
    assert len(found) == 10_000 == sums().count("\n")


def test_numbers_are_spelled_as_people_spell_them():
    spelled = {0: "zero", 13: "thirteen", 20: "twenty", 42: "forty-two", 99: "ninety-nine", 100: "one hundred"}
    spelled |= {107: "one hundred and seven", 198: "one hundred and ninety-eight"}
    assert {n: in_words(n) for n in spelled} == spelled


def test_sums_are_the_same_everywhere():
    assert (
        hashlib.sha256(sums().encode()).hexdigest()
        == "b3d2c3dfb8b5633adb8e09ec33a6c6de469bd172bb83abac7311dfcb0fb7ab67"
    )


def test_the_state_is_carried_on_unless_every_window_begins_at_zero(run_config):
    carried, zero = (run_config(task="text", **options) for options in ({}, {"task__reset": "window"}))
    assert (carried.task.carries_state, zero.task.carries_state) == (True, False)
    assert "reset" not in carried.as_dict()["task"], "runs from before there was this option keep their identity"
