"""Plugins: names of files and modules, texts that are no Python, and names under which entries are registered."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from rnnlab import plugins
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.registry import Registry

PLUGIN = """
import torch
from rnnlab.nets.activations import Activation, register

@register({name!r})
class Own(Activation):
    range, largest_slope, slope_at_0, source = (0.0, 1.0), 1.0, 0.0, "a test"
    {extra}

    def phi(self, a):
        return torch.exp(-a.square())

    def slope(self, a):
        return -2 * a * self.phi(a)
"""
STATEMENTS = [
    "",
    "x: int = 3",
    "x: float = 'a'",
    "import nowhere",
    "1 / 0",
    "raise SystemExit(3)",
    "raise ValueError('a\\nb')",
]
STATEMENTS += [
    "raise ValueError('x' * 5000)",
    "(",
    "\\0",
    "x = [[[",
    "def f(self): return f(self)\n    f(1)",
    "return",
    "\x00",
]
NAMES = [
    "",
    "a",
    "a.py",
    "a b.py",
    "ü.py",
    "../a.py",
    "/dev/null",
    "a/b.py",
    "os",
    "nowhere",
    "os.path",
    "..",
    ".py",
    "x" * 300,
]
NAMES += ["rnnlab", "json.", ".json", "a,b.py", "a]b.py", "*.py", "\n.py", "\x00.py", "\udcff.py", "__main__", "1"]


@pytest.fixture(autouse=True, scope="module")
def registries_as_they_were():
    before = [(registry, dict(registry)) for registry in Registry.every]
    yield
    plugins.use([], None)
    for registry, entries in before:
        assert dict(registry) == entries, "a plugin that was refused has left something"


@given(st.lists(st.sampled_from(NAMES) | st.text(max_size=6), min_size=1, max_size=2), st.booleans())
def test_any_names_of_plugins_have_an_answer(answer, names, quoted):
    inner = ",".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" if quoted else name for name in names)
    event(f"exit code {answer('-m', f'plugins=[{inner}]').code}")


@given(
    st.text(max_size=8) | st.sampled_from(["own", "tanh", "a.b", "a b", "a,b", "null", "1"]),
    st.sampled_from(STATEMENTS),
)
def test_any_plugin_file_has_an_answer(answer, tmp_path_factory, name, extra):
    path = tmp_path_factory.mktemp("plugin") / "own.py"
    path.write_bytes(PLUGIN.format(name=name, extra=extra).encode("utf-8", "surrogatepass"))
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    found = answer("-m", f"plugins=['{path}']", f"cell.activation='{quoted}'")
    event(f"exit code {found.code}")
    for run in found.runs:
        assert run.cell.activation.name == name
        assert name in ACTIVATIONS


@given(st.binary(max_size=60))
def test_any_bytes_as_a_plugin_have_an_answer(answer, tmp_path_factory, content):
    path = tmp_path_factory.mktemp("plugin") / "own.py"
    path.write_bytes(b"raise ValueError\n" + content)
    assert answer("-m", f"plugins=['{path}']").code == 2
