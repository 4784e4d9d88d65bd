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


@pytest.mark.parametrize("name", ["../../evil", "", "a-b", "_a", "1a", "a b", "a.b", "a\n", "é"])
def test_a_name_has_letters_digits_and_underscores(name, registry):
    with pytest.raises(ValueError, match=r"^an animal's name must be letters, digits and _, and begin with a letter"):
        registry.add(name, 3)
    registry.add("A_1b", 3)
    assert list(registry) == ["cat", "ant", "A_1b"]


def test_a_decorator_without_a_name_is_an_error():
    registry = Registry("an animal", "zoo.animal")
    with pytest.raises(TypeError, match=r'^an animal must have a name: @zoo\.animal\("name"\)$'):

        @registry.register
        def bark():
            return "wuff"


def run_as(module, registry, name, entry):
    """registry.add(name, entry), called by the code of a module of that name."""
    exec("registry.add(name, entry)", {"__name__": module, "registry": registry, "name": name, "entry": entry})


def test_the_program_itself_may_define_an_entry_again(registry):
    run_as("__main__", registry, "dog", 3)
    run_as("__main__", registry, "dog", 4)
    assert registry["dog"] == 4 and list(registry) == ["cat", "ant", "dog"]
    with pytest.raises(ValueError, match="'cat' is registered already"):
        run_as("__main__", registry, "cat", 5)
    run_as("my_zoo", registry, "cow", 6)
    with pytest.raises(ValueError, match="'cow' is registered already"):
        run_as("my_zoo", registry, "cow", 7)


def test_an_entry_that_a_check_refuses_is_not_added_and_a_former_one_stays(registry):
    def check(entry):
        if entry > 8:
            raise ValueError(f"{entry} is too large")

    registry.checks.append(check)
    run_as("__main__", registry, "dog", 3)
    for module, name in (("__main__", "dog"), ("my_zoo", "cow")):
        with pytest.raises(ValueError, match="9 is too large"):
            run_as(module, registry, name, 9)
    assert dict(registry) == {"cat": 1, "ant": 2, "dog": 3}
    assert registry.names_of("my_zoo") == [] and registry.names_of("__main__") == ["dog"]


def test_nobody_else_can_write_to_it(registry):
    with pytest.raises(TypeError):
        registry["dog"] = 3


def test_whoever_looks_later_finds_what_was_added_since(registry):
    names = registry.keys()
    registry.add("dog", 3)
    assert list(names) == ["cat", "ant", "dog"]
