import pytest

from rnnlab.options import ConfigError
from rnnlab.report.findings.markers import blocks_of, content_of, with_contents

PAGE = """# A page

<!-- rnnlab: runs -->
old
<!-- rnnlab: end -->
between
<!--rnnlab:  table rows=a values=b-->
<!-- rnnlab: end -->
"""


def test_a_block_is_what_stands_between_its_markers():
    one, other = blocks_of(PAGE, "p.md")
    assert (one.words, one.place, content_of(PAGE, one)) == ("runs", "p.md:3", "old")
    assert (other.words, other.place, content_of(PAGE, other)) == ("table rows=a values=b", "p.md:7", "")


def test_contents_are_put_between_the_markers_and_all_other_lines_stay():
    blocks = blocks_of(PAGE, "p.md")
    new = with_contents(PAGE, blocks, ["new\nlines", "| a |"])
    assert new == PAGE.replace("\nold\n", "\n\nnew\nlines\n\n").replace("b-->\n", "b-->\n\n| a |\n\n")
    assert with_contents(new, blocks_of(new, "p.md"), ["new\nlines", "| a |"]) == new, "once more changes nothing"


def test_a_page_with_line_ends_of_windows_keeps_them_everywhere():
    page = PAGE.replace("\n", "\r\n")
    new = with_contents(page, blocks_of(page, "p.md"), ["new\nlines", "x"])
    assert new.count("\r\n") == new.count("\n") > page.count("\n")
    assert new.replace("\r\n", "\n") == with_contents(PAGE, blocks_of(PAGE, "p.md"), ["new\nlines", "x"])


@pytest.mark.parametrize("fence", ["```text", "~~~", "````"])
def test_a_marker_in_a_fence_of_code_is_an_example(fence):
    assert blocks_of(f"{fence}\n<!-- rnnlab: runs -->\n{fence.removesuffix('text')}\n", "p.md") == ()


def test_a_fence_within_a_longer_one_does_not_end_it():
    assert blocks_of("````\n```\n<!-- rnnlab: runs -->\n```\n````\n", "p.md") == ()


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("\n<!-- rnnlab: runs -->\n", "p.md:2: the block has no <!-- rnnlab: end -->"),
        ("<!-- rnnlab: end -->", "p.md:1: <!-- rnnlab: end -->; no block begins before it"),
        (
            "<!-- rnnlab: runs -->\n<!-- rnnlab: claims -->\n<!-- rnnlab: end -->",
            "p.md:2: a block begins within that of line 1, which has no <!-- rnnlab: end --> before",
        ),
        (
            "a <!-- rnnlab: runs -->",
            "p.md:1: 'a <!-- rnnlab: runs -->'; a marker must stand alone on its line, as <!-- rnnlab: end -->",
        ),
        (
            "<!-- rnnlab: table rows=a",
            "p.md:1: '<!-- rnnlab: table rows=a'; a marker must stand alone on its line, as <!-- rnnlab: end -->",
        ),
    ],
)
def test_markers_that_do_not_go_together_are_one_line_with_page_and_line(page, complaint):
    with pytest.raises(ConfigError) as error:
        blocks_of(page, "p.md")
    assert str(error.value) == complaint
