"""Study files of a person's own: mappings of values of all kinds, and damaged texts of real studies."""

from __future__ import annotations

import itertools

import yaml
from hypothesis import event, given
from hypothesis import strategies as st

from rnnlab import places
from rnnlab.config.run import GROUPS, SECTIONS, TOP_LEVEL, defaults

STUDIES = [path.read_text(encoding="utf-8") for path in sorted(places.EXPERIMENTS.glob("*.yaml"))]
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in itertools.pairwise("abcdefghij")
)
PIECES = [
    "*a",
    "&a",
    "!!python/object/apply:os.system [x]",
    "!!binary aGk=",
    "!!set {a}",
    "? [a]",
    "<<: *a",
    "{",
    "[",
    "\t",
]
PIECES += [
    "- ",
    ": ",
    "|",
    ">",
    "'",
    '"',
    "#",
    "\0",
    "\x07",
    "${seed}",
    "${oc.env:HOME}",
    "???",
    "1e400",
    "0x10",
    "1:30",
]
PIECES += [
    "2020-01-01",
    "~",
    "yes",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "9" * 5000,
    "defaults:",
]
PIECES += ["[" * 3000, "{a: " * 200, "\n---\n", BOMB, "&a [*a]", '"\\uD800"']

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["tanh", "1e400", "${a}"]),
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | scalars, inner, max_size=3),
)
sections = {name: sorted(keys) for name, keys in defaults().items() if name in SECTIONS}
sections |= {group: sorted(set().union(*(defaults(group, name) for name in GROUPS[group]))) for group in GROUPS}
inside = st.sampled_from(sorted(sections)).flatmap(
    lambda part: st.tuples(st.just(part), st.dictionaries(st.sampled_from(sections[part]), trees, max_size=3))
)
hydra = st.fixed_dictionaries(
    {"sweeper": st.fixed_dictionaries({"params": st.dictionaries(st.text(max_size=5), trees) | trees})}
)
at_top = st.one_of(
    st.tuples(st.sampled_from(sorted({*TOP_LEVEL, "full", "defaults"})), trees),
    inside,
    st.tuples(st.just("hydra"), hydra),
)
mappings = st.lists(at_top, max_size=4).map(dict).map(lambda content: yaml.safe_dump(content, allow_unicode=True))


@st.composite
def damaged(draw):
    """A real study with a line or a piece of it lost, doubled, or put elsewhere."""
    text = draw(st.sampled_from(STUDIES))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        text = (
            text[:start] + draw(st.sampled_from(["", text[start:end] * 2, *PIECES]) | st.text(max_size=5)) + text[end:]
        )
    return text


texts = st.one_of(mappings, damaged(), st.sampled_from(PIECES), st.text(max_size=60), trees.map(repr))


@given(texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40), st.booleans())
def test_any_study_file_has_an_answer(answer, tmp_path_factory, content, sweep):
    folder = tmp_path_factory.mktemp("own")
    (folder / "experiment").mkdir()
    (folder / "experiment" / "own.yaml").write_bytes(b"# @package _global_\n" + content)
    flags = ["-m", "hydra.launcher.dry_run=true"] if sweep else ["--cfg", "job"]
    event(f"exit code {answer('--config-dir', str(folder), *flags, 'experiment=own').code}")
