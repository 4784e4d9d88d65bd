"""Draw docs/architecture.svg from the code: `python docs/architecture.py`.

Left, the way of a run's data, from the command line to the page.  Right, the rooms and who imports whom.  A room is a
module or a package of rnnlab; the report's rooms are shown one by one.  The rooms, their sizes and the arrows are read
from the source (ast), the places of new things from the table in architecture.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

ROOT = Path(__file__).parents[1]
PICTURE, PAGE = ROOT / "docs/architecture.svg", ROOT / "docs/architecture.md"
PACKAGES = ("rnnlab", "hydra_plugins")
OPENED = "report"  # its rooms are shown one by one

# What happens to a run, in order: in words, the function or class that does it, and what it hands on.
WAY = (
    ("compose each job's config", "Composer", "configs"),
    ("check keys, types and ranges", "from_node", "RunConfig × N"),
    ("group runs that can share a program", "plan", "packs"),
    ("train a pack, a lane for each run", "train", "RunResult × N"),
    ("write each record", "write_files", "run folders"),
    ("read the records", "read_study", "Study"),
    ("compare conditions, judge claims", "view_of", "View"),
    ("draw the figures", "plates_of", "Plates"),
    ("write the page", "write_report", "report/index.html"),
)

INK, SOFT, LINE, FAINT, ACCENT, WRONG = "#222222", "#6f6f6f", "#8a94a0", "#eef1f4", "#0072B2", "#D55E00"


@dataclass
class Room:
    """n_files, n_lines: of its Python code.  imports: the rooms that it knows."""

    name: str
    n_files: int = 0
    n_lines: int = 0
    imports: set[str] = field(default_factory=set)

    @property
    def size(self) -> str:
        lines = f"{self.n_lines} lines" if self.n_lines < 100 else f"{round(self.n_lines, -2)} lines"
        return lines if self.n_files == 1 else f"{self.n_files} files, {lines}"


def source_files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def room_of(module: str) -> str | None:
    """The room of a module by its full name, "rnnlab.nets.cells.rnn" -> "nets"; None for another library's."""
    package, *inner = module.split(".")
    if package not in PACKAGES:
        return None
    if package != "rnnlab" or not inner:
        return package
    is_opened = inner[0] == OPENED and len(inner) > 1 and (ROOT / "rnnlab" / OPENED / inner[1]).is_dir()
    return ".".join(inner[:2]) if is_opened else inner[0]


def imported_modules(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = any((ROOT / name.replace(".", "/")).with_suffix(end).exists() for end in ("", ".py"))
                yield name if is_module else node.module


def read_rooms() -> dict[str, Room]:
    """All rooms by name.  The root package, which has the version, counts as known to everybody."""
    rooms: dict[str, Room] = {}
    for path in source_files():
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = room_of(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        room = rooms.setdefault(name, Room(name))
        room.n_files += 1
        room.n_lines += len(path.read_text(encoding="utf-8").splitlines())
        room.imports |= {room_of(module) for module in imported_modules(path)} - {None, name, "rnnlab"}
    return rooms


def in_order(rooms: Mapping[str, Room]) -> list[Room]:
    """Every room above the rooms that it imports; the rooms of the opened package side by side."""
    outer: dict[str, set[str]] = {}
    inner: dict[str, set[str]] = {}
    for name, room in rooms.items():
        package = package_of(name)
        outer.setdefault(package, set()).update({package_of(other) for other in room.imports} - {package})
        inner[name] = {other for other in room.imports if package_of(other) == package}
    height, inner_height = heights(outer), heights(inner)

    def place(name: str) -> tuple[object, ...]:
        package = package_of(name)
        return -height[package], package == OPENED, package, -inner_height[name], name

    return [rooms[name] for name in sorted(rooms, key=place)]


def package_of(room: str) -> str:
    return room.split(".")[0]


def heights(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """0 for a room that imports nothing; else one more than the highest room that it imports."""
    height = dict.fromkeys(imports, 0)
    for _ in imports:  # often enough for any chain of imports, and an end for a circle
        height = {name: max((height[other] + 1 for other in others), default=0) for name, others in imports.items()}
    return height


def places_of_new_things() -> dict[str, str]:
    """What can be added -> the file or folder for it, from the table in the page."""
    rows = re.findall(r"^\| ([a-z ]+) \| `([^`]+)`", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(rows)


def definition(name: str) -> Path:
    """The file that defines a function or class at its top level, the innermost if a package offers it too.

    Raises ValueError if there is none, or more than one."""
    files = [path.relative_to(ROOT) for path in source_files() if name in definitions_in(path)]
    innermost = [path for path in files if len(path.parts) == max(len(other.parts) for other in files)]
    if len(innermost) != 1:
        raise ValueError(f"{name}: defined in {innermost or 'no file'}; WAY needs a name that one file defines")
    return innermost[0]


@cache
def definitions_in(path: Path) -> set[str]:
    """The names of the functions and classes at the top level of a file."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


# Drawing: lengths in inches, y from the top down

WIDTH, ROW, TOP = 11.6, 0.44, 0.75
WAY_X, WAY_WIDTH = 0.2, 3.35
LABEL_X, FIRST_NODE = 4.0, 6.15


def draw_way(axes: Axes, height: float, new: Mapping[str, Sequence[str]]) -> None:
    """The steps of WAY as boxes, with arrows downwards."""
    axes.text(WAY_X, 0.3, "The way of a run", size=13, weight="bold", va="center")
    axes.text(WAY_X + WAY_WIDTH / 2, TOP, "command line, conf/, experiments/", size=9.5, ha="center", va="center")
    kinds = "+ " + ", ".join(new.get("experiments", ()))
    axes.text(WAY_X + WAY_WIDTH, TOP, kinds, size=7.5, color=ACCENT, ha="right", va="center")
    pitch = (height - TOP - 0.35) / (len(WAY) + 0.25)
    box = pitch * 0.56
    for n, (words, name, result) in enumerate(WAY):
        top = TOP + (n + 0.5) * pitch
        path = definition(name)
        axes.annotate(
            "",
            (WAY_X + WAY_WIDTH / 2, top),
            (WAY_X + WAY_WIDTH / 2, top - pitch + (box if n else pitch * 0.62)),
            arrowprops=dict(arrowstyle="-|>", color=INK, lw=1.1, shrinkA=0, shrinkB=0),
        )
        axes.add_patch(
            FancyBboxPatch(
                (WAY_X, top), WAY_WIDTH, box, boxstyle="round,pad=0,rounding_size=0.07", fc=FAINT, ec=LINE, lw=0.8
            )
        )
        axes.text(WAY_X + WAY_WIDTH / 2, top + box * 0.34, words, size=9.5, ha="center", va="center")
        where = f"{str(path.with_suffix('')).removeprefix('rnnlab/').removesuffix('/__init__')}: {name}"
        axes.text(WAY_X + WAY_WIDTH / 2, top + box * 0.72, where, size=8, color=SOFT, ha="center", va="center")
        last = n + 1 == len(WAY)
        axes.text(
            WAY_X + WAY_WIDTH / 2 + (0 if last else 0.12),
            top + box + (pitch - box) * 0.45,
            result,
            size=9,
            color=ACCENT,
            ha="center" if last else "left",
            va="center",
        )


def draw_rooms(axes: Axes, order: Sequence[Room], new: Mapping[str, Sequence[str]]) -> None:
    """A row and a column for each room.  A line leaves a room to the right and turns down into each room it imports."""
    axes.text(LABEL_X, 0.3, "The rooms, and who imports whom", size=13, weight="bold", va="center")
    legend = "a dot: the room of this row imports\nthe room at the end of this column"
    axes.text(WIDTH - 0.2, 0.22, legend, size=8, color=SOFT, ha="right", va="center")
    axes.text(WIDTH - 0.2, 0.45, "+ what can be added in a room", size=8, color=ACCENT, ha="right", va="center")
    pitch = (WIDTH - 0.25 - FIRST_NODE) / (len(order) - 1)
    xs = {room.name: FIRST_NODE + n * pitch for n, room in enumerate(order)}
    ys = {room.name: TOP + n * ROW for n, room in enumerate(order)}
    largest = max(room.n_lines for room in order)
    half = {room.name: 0.05 + 0.1 * (room.n_lines / largest) ** 0.5 for room in order}

    opened = [room.name for room in order if room.name.split(".")[0] == OPENED]
    axes.add_patch(
        Rectangle(
            (LABEL_X - 0.1, ys[opened[0]] - ROW / 2),
            xs[opened[-1]] + 0.22 - LABEL_X + 0.1,
            ys[opened[-1]] - ys[opened[0]] + ROW,
            fc=FAINT,
            ec="none",
        )
    )
    for room in order:
        x, y = xs[room.name], ys[room.name]
        axes.plot([LABEL_X, x], [y + 0.2, y + 0.2], color="#e3e7eb", lw=0.6, zorder=1)
        inner = room.name.removeprefix(f"{OPENED}.").replace("rnnlab", "__init__")
        axes.text(LABEL_X + (0.15 if "." in room.name else 0), y, inner, size=10, weight="bold", va="center")
        axes.text(x - half[room.name] - 0.08, y, room.size, size=8, color=SOFT, ha="right", va="center")
        if room.name in new:
            words = "+ " + ", ".join(new[room.name])
            axes.text(x - half[room.name] - 0.08, y + 0.14, words, size=7.5, color=ACCENT, ha="right", va="center")
        for other in sorted(room.imports, key=lambda name: xs[name]):
            down = 1 if ys[other] > y else -1  # upwards only in a circle of imports
            color, end = LINE if down == 1 else WRONG, ys[other] - down * half[other]
            (line,) = axes.plot([x, xs[other], xs[other]], [y, y, end], color=color, lw=0.9, zorder=2)
            line.set_gid(f"arrow:{room.name}>{other}")
            axes.plot(xs[other], y, "o", color=color, ms=3.2, zorder=3)
            axes.plot(xs[other], end - down * 0.025, "v" if down == 1 else "^", color=color, ms=4.5, zorder=3)
    for room in order:
        x, y, h = xs[room.name], ys[room.name], half[room.name]
        square = Rectangle((x - h, y - h), 2 * h, 2 * h, fc=INK, ec="white", lw=1, zorder=4)
        square.set_gid(f"room:{room.name}:{room.n_lines}")
        axes.add_patch(square)


def draw() -> Figure:
    order = in_order(read_rooms())
    new: dict[str, list[str]] = {}
    for kind, place in places_of_new_things().items():
        new.setdefault(room_of(place.replace("/", ".")) or place, []).append(kind)
    height = TOP + len(order) * ROW + 0.1
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    draw_way(axes, height, new)
    draw_rooms(axes, order, new)
    return figure


def main() -> None:
    with matplotlib.rc_context({"svg.hashsalt": "rnnlab"}):  # the same code gives the same file
        draw().savefig(PICTURE, metadata={"Date": None})
    print(PICTURE)


if __name__ == "__main__":
    main()
