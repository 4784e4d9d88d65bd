"""A registry: read like a dict, written to by those who are in it."""

import pytest

from rnnlab.registry import Registry


@pytest.fixture
def registry():
    registry = Registry("an animal")
    registry.add("cat", 1)
    registry.add("ant", 2)
    return registry


def test_it_is_read_like_a_dict_in_the_order_of_registration(registry):
    assert list(registry) == ["cat", "ant"]
    assert dict(registry) == {"cat": 1, "ant": 2}
    assert len(registry) == 2
    assert "cat" in registry and "dog" not in registry
    with pytest.raises(KeyError, match="dog"):
        registry["dog"]


def test_what_is_registered_is_left_as_it_is(registry):
    @registry.register("dog")
    def bark():
        return "wuff"

    assert bark() == "wuff"
    assert registry["dog"] is bark


def test_a_name_cannot_be_registered_twice_until_it_is_removed(registry):
    with pytest.raises(ValueError, match=r"^an animal named 'cat' is registered already$"):
        registry.add("cat", 3)
    assert registry["cat"] == 1
    registry.remove("cat")
    registry.add("cat", 3)
    assert dict(registry) == {"ant": 2, "cat": 3}


def test_nobody_else_can_write_to_it(registry):
    with pytest.raises(TypeError):
        registry["dog"] = 3


def test_whoever_looks_later_finds_what_was_added_since(registry):
    names = registry.keys()
    registry.add("dog", 3)
    assert list(names) == ["cat", "ant", "dog"]
