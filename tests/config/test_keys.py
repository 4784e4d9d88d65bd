"""A section's keys as people type them, and what is made of their values."""

from dataclasses import dataclass, field, fields

import pytest

from rnnlab.config.keys import build, defaults_of, flattened, options_of
from rnnlab.config.run import GROUPS, SECTIONS, options_class
from rnnlab.options import ConfigError, member, number, option

SECTION_CLASSES = [*SECTIONS.values(), *(options_class(group, name) for group in GROUPS for name in GROUPS[group])]
every_section = pytest.mark.parametrize("section", SECTION_CLASSES, ids=lambda cls: cls.__qualname__)


class Shape:
    name: str


@dataclass(frozen=True)
class Circle(Shape):
    radius: float = number(1.0, above=0, about="from the middle to the rim")
    colour: str = "red"
    name = "circle"


@dataclass(frozen=True)
class Square(Shape):
    side: float = number(1.0, above=0, about="of the square")
    colour: str = "blue"
    name = "square"


SHAPES = {"circle": Circle, "square": Square}


@dataclass(frozen=True)
class Picture:
    shape: Shape = member("circle", SHAPES)
    frame: Shape = member("square", SHAPES, prefix="frame_")
    n: int = number(3, at_least=1)
    title: str | None = option(None)
    tags: list[str] = field(default_factory=list)


def complaint(values, section=Picture):
    with pytest.raises(ConfigError) as caught:
        build(section, values, "picture")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_field_that_holds_a_member_is_a_key_for_its_name_and_one_for_every_parameter():
    assert defaults_of(Picture) == {
        **{"shape": "circle", "radius": 1.0, "colour": None, "side": 1.0},
        **{"frame": "square", "frame_radius": 1.0, "frame_colour": None, "frame_side": 1.0},
        **{"n": 3, "title": None, "tags": []},
    }


def test_a_parameter_knows_which_members_have_it():
    owners = {option.key: option.owners for option in options_of(Picture)}
    assert owners["colour"] == owners["frame_colour"] == ("circle", "square")
    assert (owners["radius"], owners["side"]) == (("circle",), ("square",))
    assert owners["shape"] == owners["n"] == ()


def test_a_member_is_made_from_its_own_parameters_alone():
    made = build(Picture, {"shape": "square", "side": "2", "radius": 9, "frame_side": 5}, "picture")
    assert made == Picture(shape=Square(side=2.0), frame=Square(side=5.0))
    assert flattened(made) == {
        **{"shape": "square", "side": 2.0, "colour": "blue"},
        **{"frame": "square", "frame_side": 5.0, "frame_colour": "blue"},
        **{"n": 3, "title": None, "tags": []},
    }


def test_a_parameter_whose_members_differ_in_their_default_is_each_members_own():
    assert build(Picture, {"colour": None}, "picture") == build(Picture, {}, "picture") == Picture()
    assert Picture().shape.colour == "red"


def test_what_a_section_stands_for_makes_the_section_again():
    made = build(Picture, {"shape": "square", "colour": "green", "n": 4, "title": "x", "tags": ["a", 1]}, "picture")
    assert build(Picture, flattened(made), "picture") == made
    assert made.tags == ["a", "1"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"shape": "sqare"}, "picture.shape: unknown 'sqare'; one of circle, square (did you mean 'square'?)"),
        ({"side": -1}, "picture.side: -1.0; must be a finite number above 0"),
        ({"frame_side": 0}, "picture.frame_side: 0.0; must be a finite number above 0"),
        ({"frame_side": "wide"}, "picture.frame_side: 'wide'; must be of type float"),
        ({"n": 2.0}, "picture.n: 2.0; must be of type int"),
        ({"title": ["x"]}, "picture.title: ['x']; must be of type str | None"),
        ({"tags": "x"}, "picture.tags: 'x'; must be of type list[str]"),
        ({"tags": [["x"]]}, "picture.tags: [['x']]; must be of type list[str]"),
        ([], "picture: []; must have the keys shape, radius, colour, side, frame, frame_radius, frame_colour, "),
        ({"frame_radus": 1}, "picture.frame_radus: no such key; picture has shape, radius, "),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_named_with_its_key_and_what_can(values, expected):
    assert complaint(values).startswith(expected)


def test_a_key_that_would_stand_for_two_things_is_refused():
    @dataclass(frozen=True)
    class Twice:
        radius: float = 1.0
        shape: Shape = member("circle", SHAPES)

    with pytest.raises(ValueError, match="two options named 'radius'"):
        options_of(Twice)


def test_a_member_that_is_registered_later_can_be_chosen_with_its_parameters():
    shapes = {"circle": Circle}

    @dataclass(frozen=True)
    class Drawing:
        shape: Shape = member("circle", shapes)

    assert "side" not in defaults_of(Drawing)
    assert complaint({"shape": "square"}, Drawing).startswith("picture.shape: unknown 'square'")
    shapes["square"] = Square
    assert build(Drawing, {"shape": "square", "side": 4}, "picture").shape == Square(side=4.0)
    del shapes["square"]
    assert complaint({"shape": "square", "side": 4}, Drawing).startswith("picture.side: no such key")


@every_section
def test_every_option_says_what_it_means(section):
    for each in options_of(section):
        for rule in each.rules:
            assert rule.about, each.key


@every_section
def test_every_default_has_the_type_of_its_option_and_is_allowed(section):
    for each in options_of(section):
        assert repr(each.typed(each.default, "section")) == repr(each.default), each.key
        if each.default is not None:
            each.check(each.default, "section")


@every_section
def test_a_section_that_is_given_nothing_has_its_defaults(section):
    assert build(section, {}, "section") == build(section, defaults_of(section), "section") == section()
    assert not any(f.name == "name" for f in fields(section)), "the name is said where it is registered"
