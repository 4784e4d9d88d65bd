"""docs/architecture.md and its picture say of the rooms and the arrows what the code has."""

import ast
import importlib.util
import re
import runpy
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
STRUCTURE = runpy.run_path(str(ROOT / "tests/test_structure.py"))  # the table of who may import whom
FILES = STRUCTURE["FILES"]
RENEW = "the picture is not that of the code: run `python docs/architecture.py`"


@pytest.fixture(scope="module")
def architecture():
    """The script that draws the picture."""
    spec = importlib.util.spec_from_file_location("architecture", DOCS / "architecture.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # its dataclass looks for it there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


IN_THE_TABLE = {room for line in STRUCTURE["LAYERS"] for room in line.split()} | {"rnnlab", "report"}
IN_THE_REPORT = {f"report.{file.parent.name}" for file in (ROOT / "rnnlab/report").glob("*/__init__.py")}
ROOMS = {
    room if room in ("rnnlab", "hydra_plugins") else f"rnnlab.{room}": room for room in IN_THE_TABLE | IN_THE_REPORT
}  # by full name


def room_of(name):
    """The room that the longest beginning of a module's full name belongs to."""
    beginnings = [name.rsplit(".", n)[0] for n in range(name.count(".") + 1)]
    return next((ROOMS[beginning] for beginning in beginnings if beginning in ROOMS), None)


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def arrows_of_the_code():
    arrows = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            arrows |= {(room_of(module_of(path)), room_of(name)) for name in names}
    return {(source, target) for source, target in arrows if target not in (None, source, "rnnlab")}


def drawn(kind):
    """What the ids of the picture's elements say: of each room its name and lines, of each arrow its two rooms."""
    elements = ElementTree.parse(DOCS / "architecture.svg").iter()
    ids = [element.get("id", "") for element in elements]
    return [tuple(re.split("[:>]", name)[1:]) for name in ids if name.startswith(f"{kind}:")]


def test_the_picture_has_the_rooms_of_the_table_and_of_the_report():
    assert {room for room, _ in drawn("room")} == IN_THE_TABLE | IN_THE_REPORT, RENEW


def test_the_picture_has_an_arrow_for_every_import_between_rooms():
    assert set(drawn("arrow")) == arrows_of_the_code(), RENEW
    assert len(drawn("arrow")) == len(set(drawn("arrow")))


def test_the_sizes_in_the_picture_are_nearly_those_of_the_code(architecture):
    now = Counter()
    for path in FILES:
        now[room_of(module_of(path))] += len(path.read_text("utf-8").splitlines())
    assert {name: room.n_lines for name, room in architecture.read_rooms().items()} == now
    for name, n_lines in drawn("room"):
        assert abs(int(n_lines) - now[name]) <= 20 + now[name] / 4, f"{name}: {RENEW}"


def test_every_arrow_between_rooms_goes_downwards(architecture):
    """Those between the rooms of the report are held by tests/test_structure.py."""
    order = [room.name for room in architecture.in_order(architecture.read_rooms())]
    for source, target in drawn("arrow"):
        if source.split(".")[0] != target.split(".")[0]:
            assert order.index(source) < order.index(target), f"{source} must not be below {target}"


def test_every_step_of_the_way_is_defined_in_one_file(architecture):
    for _, name, _ in architecture.WAY:
        assert (ROOT / architecture.definition(name)).is_file()


def test_a_step_that_no_file_defines_is_named(architecture):
    with pytest.raises(ValueError, match="no_such_function: defined in no file"):
        architecture.definition("no_such_function")


def test_the_page_says_of_every_room_what_is_in_it():
    table = re.search(r"\| room \|.*?\n\n", PAGE, flags=re.DOTALL)[0]
    named = set(re.findall(r"`(\w+)`", table)) - {"rnnlab"}
    rooms = {"__init__" if room == "rnnlab" else room.removeprefix("report.") for room in ROOMS.values()}
    assert rooms <= named, "the table of rooms in docs/architecture.md lacks some"


def test_every_function_on_the_way_of_one_run_is_there():
    section = PAGE.split("## One run")[1].split("\n## ")[0]
    defined = {"RunConfig"}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            if isinstance(node, ast.ClassDef):
                defined |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    named = set(re.findall(r"`(\w+(?:\.\w+)?)`", section)) - IN_THE_TABLE - {"run.json"}
    assert len(named) > 10
    assert named <= defined


def test_every_place_of_a_new_thing_is_there(architecture):
    places = architecture.places_of_new_things()
    assert {"activation", "cell", "initializer", "optimiser", "task", "engine", "figure", "metric", "study"} <= set(
        places
    )
    for place in places.values():
        assert (ROOT / place).is_dir() or (ROOT / place).with_suffix(".py").is_file(), place


def test_every_link_of_the_page_leads_to_a_file_or_a_folder():
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (DOCS / target).exists(), target


def test_the_page_is_one_page():
    assert PAGE.count("\n") <= 60
