"""Nothing from a record leaves its place in a page of Markdown: read back by a library for Markdown."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from rnnlab.records.files import to_json
from rnnlab.report.judging.view import view_of
from rnnlab.report.page import markdown, page
from rnnlab.report.page.compare import write_comparison
from rnnlab.report.page.explore.blocks import explored_of
from rnnlab.report.page.index import Entry
from rnnlab.report.page.templating import render
from rnnlab.report.reading.read import read_study

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PLAIN = "words"
NASTY = [
    "a\n\n# heading\n\n- list",
    "a` <script>alert(1)</script> `b",
    "a ``` b",
    "``` \n<img src=x onerror=alert(1)>\n```",
    "a | b | c",
    "a \\| b \\\\| c \\",
    "![picture](http://evil.example/x.png)",
    "[link](javascript:alert(1))",
    "](http://evil.example) [x",
    "<!-- a comment",
    "&lt;b&gt; &#60;b&#62;",
    "**strong** __strong__ _em_ ~~gone~~",
    "- item",
    "1. item",
    "2) item",
    "> quote",
    "=====",
    "a\u2028# b\u0085# c\r# d",
    "<http://evil.example>",
    "\\",
    "\\`<b>\\`",
]


def shape(content):
    """What a page is made of, without its text; and everything that is shown as text."""
    blocks, shown = [], []
    for token in READER.parse(content):
        if token.type != "inline":
            blocks.append((token.type, token.tag))
            continue
        for child in token.children:
            if child.type in ("text", "code_inline"):
                shown.append(child.content)
            else:
                blocks.append((child.type, child.tag, child.attrGet("src"), child.attrGet("href")))
    return blocks, "".join(shown)


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("around", ["{}", "# {}", "- **name**: {}", "| a | b |\n|---|---|\n| {} | x |"])
def test_a_text_is_shown_as_it_is_and_changes_nothing_around_it(nasty, around):
    words = " ".join(nasty.split())
    blocks, shown = shape(around.format(markdown.text(nasty)))
    assert blocks == shape(around.format(PLAIN))[0]
    assert words in shown


@pytest.mark.parametrize("nasty", NASTY)
def test_a_code_span_ends_where_it_should(nasty):
    words = " ".join(nasty.split()).replace("`", "'")
    table = "| a | b |\n|---|---|\n| {} | x |"
    for write, around in ((markdown.code, "- {} after"), (markdown.code_cell, table)):
        blocks, shown = shape(around.format(write(nasty)))
        assert blocks == shape(around.format(write(PLAIN)))[0]
        assert words in shown or "\\|" in words  # in a table \| is |
    assert markdown.code("") == ""


def shapes_with(word, build, folder):
    """Of the pages of a study with the word in all its fields: its report, a comparison, an index."""
    records = [
        build.text_record("tanh", 0),
        *(build.record("sines", f"{activation}{word}", seed) for activation in "ab" for seed in range(5)),
    ]
    failed = build.record("digits", "tanh", status="failed")
    for n, record in enumerate(records):
        object.__setattr__(record, "run_id", f"{n}")
        object.__setattr__(record.result, "divergence_reason", word)
    object.__setattr__(failed.result, "error", f"Traceback\n  {word}\nValueError: {word}")
    build.runs(folder, [*records, failed])
    (folder / "0" / "provenance.json").write_text(to_json({f"a{word}": word, "torch": word}))
    claim = {"says": word, "source": word, "because": word, "quantity": "score", "than": 0.5, "margin": 0.1}
    claim |= {"of": {"cell.activation": f"a{word}"}, "is": "higher"}
    build.study_file(folder, study=word, question=word, source=word, command=word, study_sha256=word,
                     claims=[claim], earlier=[word])  # fmt: skip
    study = read_study(folder)
    view = view_of(study)
    (verdict,), (headline, *_) = view.verdicts, [(task.facts.name, word) for task in view.tasks]
    entry = Entry(word, word, link="a/b", headlines=(headline,),
                  verdicts=((verdict.judgement, word),))  # fmt: skip
    pages = [
        page.render(study, replace(view, notes=(word,)), (), explored_of(study, view), "md"),
        write_comparison(folder, folder, "md").read_text(encoding="utf-8"),
        render("index.md.j2", name=word, entries=[entry, Entry(word, reason=word)], version="1"),
    ]
    return [shape(text)[0] for text in pages]


@pytest.fixture(scope="module")
def plain_shapes(build, tmp_path_factory):
    return shapes_with(PLAIN, build, tmp_path_factory.mktemp("plain") / "study")


@pytest.mark.parametrize("nasty", NASTY)
def test_no_field_of_a_study_changes_the_structure_of_its_pages(build, tmp_path, plain_shapes, nasty):
    assert shapes_with(nasty, build, tmp_path / "study") == plain_shapes
