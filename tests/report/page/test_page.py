import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rnnlab.report import write_report
from rnnlab.report.page import page, write

VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class Outline(HTMLParser):
    """What a page consists of; fails when a tag is closed that is not the open one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.roles = [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text(report_folder):
    return (report_folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(text):
    return Outline(text)


def test_the_report_is_a_page_with_figures_and_tables_beside_it(report_folder):
    files = {str(path.relative_to(report_folder)) for path in report_folder.rglob("*") if path.is_file()}
    stems = [
        "scores",
        "importance",
        "curves-digits",
        "curves-sines",
        "predictions-sines",
        "confusion-digits",
        "divergence",
        "pairs",
    ]
    figures = {f"figures/{stem}.{form}" for stem in [*stems, "profile"] for form in ("png", "svg")}
    tables = {f"tables/{name}.csv" for name in ("conditions", "runs", "pairs")}
    assert files == {"index.html", ".made-from", ".summary.json"} | tables | figures


def test_the_page_needs_no_network(text, outline):
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"link", "iframe", "object", "img"}
    assert not re.search(r"@import|url\((?!#)", text)
    for _, attributes in outline.tags:
        for name in ("src", "href", "xlink:href"):
            assert not re.match(r"(https?:)?//", attributes.get(name, ""))


def test_every_link_leads_somewhere(report_folder, outline):
    for link in outline.links:
        target = link.removeprefix("#")
        assert target in outline.ids if link.startswith("#") else (report_folder / link).is_file(), link


def test_no_identifier_occurs_twice(outline):
    assert len(outline.ids) == len(set(outline.ids))


def test_every_figure_has_an_alternative_text_with_numbers(outline):
    images = [attributes for tag, attributes in outline.tags if attributes.get("role") == "img"]
    assert len(images) == 9
    assert all(re.search(r"\d", image["aria-label"]) for image in images)


def test_the_page_opens_on_question_and_findings(text):
    order = [
        "<h1>",
        "leaky_relu has the highest median score",
        'id="figure-scores"',
        'id="tasks"',
        'id="figure-importance"',
        'id="figure-pairs"',
        'id="curves"',
    ]
    order += ['id="predictions"', 'id="divergence"', 'id="profile"', 'id="conditions"', 'id="runs"']
    order += ['id="problems"', 'id="made"']
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_text_from_files_is_escaped(text):
    assert "Which activation learns &lt;i&gt;a wave&lt;/i&gt;?" in text
    assert "the &lt;b&gt;disk&lt;/b&gt; is full" in text and "<b>disk" not in text


def test_a_hostile_name_stays_text_everywhere(build, tmp_path):
    evil = "</style><script>alert('x')</script>"
    build.runs(tmp_path, [build.record(optimizer__note=note) for note in ("a&b", "<script>")])
    build.study_file(tmp_path, study=evil, question=evil, source=evil, command=evil, expected=[evil])
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert [tag for tag, _ in Outline(text).tags].count(
        "script"
    ) == 5  # data, curves, examples, the library as text, and the page's own script
    assert "alert('x')" not in text


def test_only_the_pages_own_script_may_run(text):
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert len(script) == 1 and f"script-src 'sha256-{digest}'" in html.unescape(policy)
    assert policy.startswith("default-src &#39;none&#39;") or policy.startswith("default-src 'none'")


def test_what_failed_and_what_is_missing_is_said_first_and_named_below(text):
    assert "4 runs of 43 missing or failed." in text
    for name in ("broken", "killed", "sines-gelu-0", "digits-tanh-4"):
        assert f'<th scope="row">{name}</th>' in text


def test_constants_are_listed_once_and_axes_are_columns(text):
    assert text.count("<code>cell.hidden_size</code>") == 1
    assert '<th scope="col">cell.<wbr>activation</th>' in text and '<th scope="col">seed</th>' not in text


def test_how_it_was_made_is_on_the_page(text):
    for words in ("rnnlab -m experiment=activations", "abc123", "2.13.0", "40 read, 43 expected"):
        assert words in text


def test_a_second_report_replaces_the_first_and_leaves_nothing_behind(build, tmp_path):
    build.runs(tmp_path, [build.record()])
    first = write_report(tmp_path)
    (tmp_path / "report" / "stale.txt").write_text("from an older report")
    text = first.read_text(encoding="utf-8")
    assert write_report(tmp_path).read_text(encoding="utf-8") == text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".checked",
        ".report-cache.npz",
        "report",
        "sines-tanh-0",
    ]
    assert not (tmp_path / "report" / "stale.txt").exists()


def drawn(monkeypatch):
    """How often a report is really made."""
    made = []
    render = page.render
    monkeypatch.setattr(page, "render", lambda *args: (made.append(1), render(*args))[1])
    return made


def test_a_report_of_the_same_files_stays_as_it_is(build, tmp_path, monkeypatch):
    build.runs(tmp_path, [build.record()])
    made = drawn(monkeypatch)
    path = write_report(tmp_path)
    assert write_report(tmp_path) == path and len(made) == 1
    assert write.write_report(tmp_path, force=True) == path and len(made) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "sines-tanh-0" / "predictions.csv").write_text("t,truth\n1,1\n"),
        lambda folder: (folder / "study.json").write_text('{"schema": 1, "question": "Why?"}'),
        lambda folder: (folder / "killed" / ".hydra").mkdir(parents=True),
        lambda folder: (folder / "report" / "figures" / "scores.png").unlink(),
        lambda folder: (folder / "report" / "index.html").write_text("half a pa"),
        lambda folder: (folder / "report" / ".made-from").write_text("{"),
        lambda folder: (folder / "report" / "more.txt").write_text("from an older report"),
    ],
)
def test_whatever_changed_the_report_is_made_anew(build, tmp_path, monkeypatch, change):
    build.runs(tmp_path, [build.record(), build.record(seed=1)])
    made = drawn(monkeypatch)
    write_report(tmp_path)
    change(tmp_path)
    write_report(tmp_path)
    assert len(made) == 2 and not (tmp_path / "report" / "more.txt").exists()


@pytest.mark.parametrize(("where", "step"), [(page, "render"), (Path, "rename")], ids=["making", "swapping"])
def test_an_interrupted_report_leaves_the_old_one(build, tmp_path, monkeypatch, where, step):
    build.runs(tmp_path, [build.record()])
    old = write_report(tmp_path).read_text(encoding="utf-8")

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write.write_report(tmp_path, force=True)
    assert (tmp_path / "report" / "index.html").read_text(encoding="utf-8") == old
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".checked",
        ".report-cache.npz",
        "report",
        "sines-tanh-0",
    ]


def test_a_swap_that_fails_half_way_puts_the_old_report_back(build, tmp_path, monkeypatch):
    build.runs(tmp_path, [build.record()])
    old = write_report(tmp_path).read_text(encoding="utf-8")
    rename = Path.rename

    def fail_into_place(self, target):
        if self.suffix == ".tmp":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_into_place)
    with pytest.raises(OSError, match="No space left"):
        write.write_report(tmp_path, force=True)
    assert (tmp_path / "report" / "index.html").read_text(encoding="utf-8") == old


def test_a_study_in_which_everything_failed_still_gets_its_page(build, tmp_path):
    text = write_report(build.runs(tmp_path, [build.record(status="failed")])).read_text(encoding="utf-8")
    assert "No run was completed." in text and "no run" in text


def test_runs_that_all_failed_at_several_rates_have_a_page_without_empty_panels(build, tmp_path):
    records = [
        build.record("sines", name, seed, status="failed", optimizer__learning_rate=rate)
        for name in ("tanh", "relu") for rate in (0.01, 0.1, 1.0) for seed in range(3)
    ]  # fmt: skip
    text = write_report(build.runs(tmp_path, records)).read_text(encoding="utf-8")
    assert "No run was completed." in text and '<figure id="figure-' not in text and "cannot be drawn" not in text


def test_one_run_is_a_study_too(build, tmp_path):
    text = write_report(build.runs(tmp_path, [build.record("digits")])).read_text(encoding="utf-8")
    assert "tanh has a median score of 0.98, n=1; fewer than 5 runs, so no interval." in text


def test_the_same_report_as_markdown_has_its_figures_beside_it(build, tmp_path):
    claim = {"says": "a | b", "quantity": "score", "of": {"cell.activation": "tanh"}, "than": 0.5, "is": "higher"}
    build.runs(tmp_path, [build.record(task, seed=seed) for task in ("sines", "digits") for seed in range(6)])
    build.study_file(tmp_path, question="What <b>is</b> it?", claims=[claim])
    path = write.write_report(tmp_path, "md")
    text = path.read_text(encoding="utf-8")
    assert path.name == "report.md" and (tmp_path / "report" / "index.html").is_file()
    assert text.startswith("# What &lt;b>is&lt;/b> it?") and "- **✓ supported**: 1. a \\| b. " in text
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert len(pictures) == 6 and all((tmp_path / "report" / link).is_file() for _, link in pictures)
    assert not re.search(r"\n{4,}", text)


def test_the_one_picture_is_of_what_is_claimed(build, tmp_path):
    claim = {"says": "relu diverges", "quantity": "diverged", "of": {"cell.activation": "relu"}, "than": 0.1}
    records = [build.record("sines", "relu", seed, diverged_at=50 if seed < 3 else None) for seed in range(6)]
    build.runs(tmp_path, records)
    build.study_file(tmp_path, claims=[claim | {"is": "higher"}])
    text = write_report(tmp_path).read_text(encoding="utf-8")
    places = [text.index(f'id="figure-{name}"') for name in ("divergence", "scores", "curves-sines")]
    assert places == sorted(places)
    outline = Outline(text)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(link[1:] in outline.ids for link in outline.links if link.startswith("#"))


def test_claims_stand_at_the_top_with_their_figure_and_what_is_behind_them(rich_report):
    text = (rich_report / "index.html").read_text(encoding="utf-8")
    order = [
        "<h1>",
        'class="answer"',
        'id="figure-scores"',
        '<li class="undecided">',
        "<details>",
        '<dl class="terms">',
    ]
    order += ['id="figure-claims"', 'id="importance"', 'id="pairs"']
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)
    assert (rich_report / "tables" / "verdicts.csv").is_file() and 'href="tables/verdicts.csv"' in text
    assert "0.1" in text and "the end of the rates tried: a better one may lie outside" in text
    outline = Outline(text)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(link[1:] in outline.ids for link in outline.links if link.startswith("#"))
