"""From data in their own units to inputs, and from outputs to answers; through JSON and back."""

import json

import numpy as np
import pytest

from rnnlab.tasks import TASKS
from rnnlab.tasks.preprocessing import Numbers, Pixels, Tokens, Vocabulary, preprocessing_of

every_task = pytest.mark.parametrize("name", TASKS)


@every_task
def test_it_is_plain_data_that_json_keeps(name):
    found = TASKS[name]().preprocessing()
    assert preprocessing_of(json.loads(json.dumps(found.as_dict()))) == found


@every_task
def test_it_says_how_wide_a_step_is(name):
    task = TASKS[name]()
    assert task.preprocessing().width == task.input_size


@every_task
def test_answers_have_one_entry_for_each_sequence_or_step(name):
    task = TASKS[name]()
    outputs = np.random.default_rng(0).normal(size=(3, task.seq_len, task.output_size)).astype(np.float32)
    said = task.preprocessing().decode(outputs[0] if isinstance(task.preprocessing(), Vocabulary) else outputs)
    assert np.shape(list(said)) == ((task.seq_len,) if isinstance(said, str | list) else (3, task.seq_len))


@pytest.mark.parametrize(
    "data", [{}, {"kind": "magic"}, {"kind": "tokens"}, {"kind": "tokens", "n": 3, "m": 4}], ids=str
)
def test_what_is_none_is_refused(data):
    with pytest.raises(ValueError, match=r"^no preprocessing: "):
        preprocessing_of(data)


# Numbers


SCALED = Numbers(3, 2, (10.0, 0.0), (2.0, 0.5), target=(-1.0, 4.0))


def test_each_column_is_scaled_by_its_own_offset_and_unit():
    rows = [[10, 0], [12, 1], [14, -1]]
    np.testing.assert_array_equal(SCALED.encode(rows), np.array([[0, 0], [1, 2], [2, -2]], np.float32))
    assert SCALED.encode([rows, rows]).shape == (2, 3, 2)
    assert SCALED.encode(rows).dtype == np.float32


def test_outputs_become_numbers_in_the_unit_of_the_target():
    np.testing.assert_array_equal(SCALED.decode(np.float32([[0.5], [1]])), [1.0, 3.0])
    np.testing.assert_array_equal(SCALED.decode(np.float32([[0.5, 1]])), [[1.0, 3.0]])
    assert SCALED.decode(np.float32([0.25])) == 0.0


def test_the_axis_of_a_single_column_may_be_left_out():
    one = Numbers(3, 1)
    for data in ([1, 2, 3], [[1], [2], [3]]):
        np.testing.assert_array_equal(one.encode(data), np.float32([[1], [2], [3]]))
    for data in ([[1, 2, 3]], [[[1], [2], [3]]]):
        np.testing.assert_array_equal(one.encode(data), np.float32([[[1], [2], [3]]]))
    np.testing.assert_array_equal(Numbers(1, 1).encode([[5], [6]]), np.float32([[[5]], [[6]]]))


@pytest.mark.parametrize(
    "data", [[1, 2], np.zeros((2, 3)), np.zeros((1, 1, 3, 2))], ids=lambda data: str(np.shape(data))
)
def test_other_shapes_are_refused(data):
    with pytest.raises(ValueError, match=r"^data: shape .*; a sequence has \(3, 2\), several one axis more$"):
        SCALED.encode(data)


def test_without_a_target_the_largest_output_is_the_class():
    np.testing.assert_array_equal(Numbers(3, 2).decode(np.float32([[0, 2, 1], [5, 1, 2]])), [1, 0])
    assert Numbers(3, 2).decode(np.full(3, np.nan)) == 0


# Pixels


def test_pixels_go_from_0_to_1_in_the_order_of_the_steps():
    image = np.arange(6).reshape(2, 3)
    rows, flat, pixels = (Pixels((2, 3), 5, steps) for steps in ((2, 3), (1, 6), (6, 1)))
    np.testing.assert_array_equal(rows.encode(image), np.float32(image / 5))
    np.testing.assert_array_equal(flat.encode(image), np.float32(image / 5).reshape(1, 6))
    np.testing.assert_array_equal(pixels.encode([image, image])[1], np.float32(image / 5).reshape(6, 1))


def test_permuted_pixels_stand_in_one_order_for_all_images():
    images = np.arange(12).reshape(2, 2, 3)
    plain, permuted = (Pixels((2, 3), 11, (6, 1), permuted).encode(images)[..., 0] for permuted in (False, True))
    order = permuted[0].argsort()
    np.testing.assert_array_equal(permuted[:, order], plain)
    assert not np.array_equal(permuted, plain)


def test_the_colours_of_a_pixel_stand_beside_each_other():
    image = np.arange(12).reshape(2, 2, 3)
    np.testing.assert_array_equal(Pixels((2, 2, 3), 1, (4, 3)).sequences(image)[1], [3, 4, 5])


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\); an image has \(2, 3\), several one axis more"),
        (np.full((2, 3), 256), "pixels from 256 to 256; must be from 0 to 255"),
        (np.full((2, 3), -0.5), "pixels from -0.5 to -0.5; must be from 0 to 255"),
        ([[None] * 3] * 2, "must be an array of finite numbers"),
    ],
    ids=["shape", "bright", "dark", "none"],
)
def test_other_images_are_refused(image, said):
    with pytest.raises(ValueError, match=f"^data: {said}$"):
        Pixels((2, 3), 255, (2, 3)).encode(image)


def test_classes_have_names_where_they_are_known():
    outputs = np.float32([[0, 1], [1, 0]])
    assert Pixels((2, 3), 255, (2, 3), classes=("cat", "dog")).decode(outputs).tolist() == ["dog", "cat"]
    assert Pixels((2, 3), 255, (2, 3)).decode(outputs).tolist() == [1, 0]


# Tokens and texts


@pytest.mark.parametrize("data", [[0, 3], [-1, 0], [0.5], [[[0]]], 1], ids=str)
def test_tokens_are_whole_numbers_below_their_number(data):
    assert Tokens(3).encode([0, 2]).dtype == np.int64
    with pytest.raises(ValueError, match=r"^data: .*; must be "):
        Tokens(3).encode(data)


def test_characters_are_their_places_and_answers_a_text():
    abc = Vocabulary(("b", "a", "\n"))
    assert abc.encode("ab\n").tolist() == [1, 0, 2]
    assert abc.decode(np.eye(3)[[2, 0, 1]]) == "\nba"


def test_the_end_of_a_line_is_a_word_and_a_line_without_an_end_goes_on():
    words = Vocabulary(("<eos>", "so", "it", "goes", "<unk>"), "words")
    assert words.encode("so it goes\nso").tolist() == [1, 2, 3, 0, 1]
    assert words.encode("so\n").tolist() == [1, 0]
    assert words.encode("so what").tolist() == [1, 4]
    assert words.decode(np.eye(5)[[2, 0]]) == ["it", "<eos>"]


def test_an_unknown_character_is_named_where_there_is_no_unk():
    with pytest.raises(ValueError, match=r"^data: 'z' is not in the vocabulary, which has no <unk>$"):
        Vocabulary(("a", "b")).encode("abz")


@pytest.mark.parametrize("data", ["", None, ["a"], 3], ids=repr)
def test_what_is_no_text_is_refused(data):
    with pytest.raises(ValueError, match=r"^data: .*; must be a str with some characters$"):
        Vocabulary(("a", "b")).encode(data)
