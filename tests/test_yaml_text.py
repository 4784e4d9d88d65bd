"""YAML of a person's own is measured before anything is made of it."""

import pytest

from rnnlab import places
from rnnlab.options import ConfigError
from rnnlab.yaml_text import MOST_LETTERS, MOST_VALUES, check_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


def refused(tmp_path, content):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as refusal:
        check_yaml(file)
    text = str(refusal.value)
    assert text.startswith(str(file))
    assert "\n" not in text
    return text.removeprefix(str(file))


def test_a_few_lines_that_stand_for_more_than_fits_into_memory_are_counted_and_refused(tmp_path):
    said = refused(tmp_path, LAUGHS)
    n_values = int(said.split()[3])
    of_list = 11  # values that stand for a0: the list and its ten words
    whole = 1 + 30  # the mapping, and its keys
    for _ in range(30):
        whole, of_list = whole + of_list, 1 + 10 * of_list
    assert n_values == whole
    assert f"at most {MOST_VALUES} with {MOST_LETTERS} are read" in said


def test_aliases_of_one_long_text_are_counted_by_its_letters(tmp_path):
    content = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 99)}]\n"
    n_values = 2 + 1 + 1 + 99 + 1  # keys, the text, the list, its entries, the mapping
    assert f"stands for {n_values} values with {2 + 100 * 100_000} letters" in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [relu\nb: 3\n", ", line 2, column 2: is no YAML that can be used ("),
        ("a: &x [*x]\n", ", line 1: *x stands inside of itself"),
        ("a: " + "[" * 3000 + "]" * 3000, ", line 1: is nested more than 50 deep"),
        (b"a: \xff", ": is not UTF-8 text, see its byte 3"),
        ("a: \x07", ": is no YAML that can be used (unacceptable character #x0007"),
        ("a: *nothing", ", line 1: *nothing is not defined before"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, content, said):
    assert refused(tmp_path, content).startswith(said)


@pytest.mark.parametrize("study", places.options("experiment"))
def test_every_study_of_rnnlab_is_far_from_the_bounds(study, tmp_path, monkeypatch):
    monkeypatch.setattr("rnnlab.yaml_text.MOST_VALUES", MOST_VALUES // 10)
    check_yaml(places.EXPERIMENTS / f"{study}.yaml")
