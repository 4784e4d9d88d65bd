"""The page in a real browser: Debian's chromium without a window, driven by playwright.  Skipped where it is absent."""

import pytest

import rnnlab
from rnnlab.report.page.index import write_index

N_RUNS = 108


def column(page, n):
    """The entries of a column of the table of runs, as shown."""
    return page.locator(f"#run-table tbody tr > :nth-child({n + 1})").all_inner_texts()


def columns(page):
    return [text.split("\n")[0] for text in page.locator("#run-table thead tr").first.locator("th").all_inner_texts()]


def test_the_page_loads_without_a_complaint_and_asks_for_nothing(visit):
    page = visit()
    assert page.title() == "한글: rnnlab report"
    assert page.locator("h1").inner_text() == "어떤 활성화 함수가 <가장> 좋은가?"
    assert page.locator("#run-count").inner_text() == f"{N_RUNS} of {N_RUNS} runs"


def test_a_column_sorts_up_and_down(visit):
    page = visit()
    n = columns(page).index("score")
    head = page.locator("#run-table thead th").nth(n)
    head.locator("button").click()
    scores = list(map(float, column(page, n)))
    assert scores == sorted(scores) and head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    scores = list(map(float, column(page, n)))
    assert scores == sorted(scores, reverse=True) and head.get_attribute("aria-sort") == "descending"


def test_rows_are_filtered_by_any_column_and_together(visit):
    page = visit()
    names = columns(page)
    page.get_by_label("filter cell.activation").fill("=relu")
    page.get_by_text("36 of 108 runs").wait_for()
    assert set(column(page, names.index("cell.activation"))) == {"relu"}
    page.get_by_label("filter ended").fill("diverged")
    page.get_by_text("7 of 108 runs").wait_for()
    page.get_by_label("filter optimizer.learning_rate").fill("< 1")
    page.get_by_text("1 of 108 runs", exact=True).wait_for()
    assert column(page, 0) == ["sines-relu-0.1-0"]


def test_the_table_is_paged(visit):
    page = visit()
    assert len(column(page, 0)) == 100
    page.get_by_role("button", name="Next").click()
    assert len(column(page, 0)) == 8 and page.locator("#run-pager span").inner_text() == "page 2 of 2"
    assert page.get_by_role("button", name="Next").is_disabled()


def test_the_keyboard_reaches_and_sorts_a_column(visit):
    page = visit()
    button = page.locator("#run-table thead button").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#run-table thead th").nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


@pytest.mark.parametrize("width", [390, 768])
def test_nothing_is_wider_than_a_phone(visit, width):
    page = visit(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow  # the section Explore, open on the same page, has one such test in every run
@pytest.mark.parametrize("width, scheme", [(390, "light"), (1280, "dark")])
def test_axe_finds_nothing_to_complain_about(visit, violations, scheme, width):
    page = visit(width, color_scheme=scheme, bypass_csp=True)  # or the page's policy would refuse axe itself
    assert violations(page) == []


def test_every_figure_has_an_alternative_text(visit):
    page = visit()
    texts = page.eval_on_selector_all("[role=img]", "nodes => nodes.map((node) => node.getAttribute('aria-label'))")
    assert len(texts) == page.locator("svg:not([aria-hidden])").count() and all(
        any(map(str.isdigit, text)) for text in texts
    )


def test_without_scripts_everything_but_sorting_and_filtering_is_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("#run-table tbody tr").count() == 100
    assert page.locator("svg").count() > 10
    assert page.locator("#run-table input, #run-table button").count() == 0
    assert "the first 100 of them here" in page.locator("#run-count").inner_text()


def test_wrong_letters_are_marked(visit):
    page = visit()
    assert page.locator(".texts tbody mark").all_inner_texts() == ["xx"]
    assert "안녕하세요" in page.locator(".texts .text").first.inner_text()


def test_a_printed_page_has_no_navigation_and_is_not_cut_off(visit):
    page = visit(760, color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible() and not page.locator("#run-table input").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 760


@pytest.mark.slow
def test_the_index_of_studies_pleases_axe(visit, violations, build, tmp_path):
    for name in ("one", "two"):
        build.runs(tmp_path / name, [build.record(activation=activation) for activation in ("tanh", "relu")])
    page = visit(path=write_index(tmp_path), bypass_csp=True)
    assert violations(page) == []


def test_links_within_the_page_stay_in_the_page_when_a_notebook_shows_it(visit, rich_report, tmp_path):
    notebook = tmp_path / "notebook.html"
    notebook.write_text(
        f"<!DOCTYPE html><title>x</title>{rnnlab.load(rich_report.parent).report()._repr_html_()}", "utf-8"
    )
    host = visit(path=notebook)
    (frame,) = [frame for frame in host.frames if frame is not host.main_frame]
    assert frame.locator("h1").count() == 1
    frame.locator("nav a").last.click()
    frame.wait_for_function("scrollY > 0")
    assert frame.url.startswith("about:srcdoc#") and host.url == notebook.as_uri()
    assert frame.locator("h1").count() == 1


def test_a_verdict_unfolds_without_javascript(visit):
    page = visit(java_script_enabled=False)
    row = page.locator(".verdicts details").first
    assert not row.locator("dl").is_visible()
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    assert row.locator("dl").is_visible()


def test_question_answer_picture_and_verdicts_fit_the_first_screen_of_a_desk(visit):
    page = visit(1280)
    bottoms = [
        page.locator(what).first.bounding_box() for what in ("h1", ".answer", "#scores figure svg", ".verdicts summary")
    ]
    tops = [box["y"] for box in bottoms]
    assert tops == sorted(tops) and tops[-1] < 900


def test_on_paper_the_verdicts_are_unfolded(visit):
    page = visit()
    page.emulate_media(media="print")
    assert page.locator(".verdicts dl").first.bounding_box()["height"] > 0
