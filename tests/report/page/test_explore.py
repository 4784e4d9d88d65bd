"""The section Explore in a real browser: by mouse, by keys, by touch and by address; what it selects, the table shows.

The study has 3 activations x 3 learning rates x 2 tasks x 6 seeds = 108 runs, of which 7 of relu on sines diverged.
"""

import re

import pytest

from rnnlab.report import write_report
from rnnlab.report.page.index import write_index

CANVAS = ".explore-canvas"


@pytest.fixture
def explore(visit):
    """explore(address, ...) -> the page with its section Explore drawn."""

    def opened(address="#explore?", **options):
        page = visit(address=address, **options)
        page.locator("#explore").scroll_into_view_if_needed()
        page.wait_for_selector("#explore[data-ready]")
        return page

    return opened


def choose(page, label, value):
    page.get_by_label(label, exact=True).select_option(value)


def address(page):
    return page.evaluate("decodeURIComponent(location.hash)")


def box_lines(page):
    names, values = (page.locator(f".point-box {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def test_the_library_is_not_unpacked_before_the_section_comes_near(visit):
    page = visit()
    assert page.evaluate("typeof echarts") == "undefined"
    page.locator("#explore").scroll_into_view_if_needed()
    page.wait_for_selector("#explore[data-ready]")
    assert page.evaluate("typeof echarts") == "object" and page.locator(f"{CANVAS} canvas").count() >= 1


def test_every_run_is_counted_and_those_that_diverged_are_drawn(explore):
    page = explore()
    assert page.locator(".explore-count").inner_text().startswith("108 of 108 runs; 7 diverged, drawn as crosses.")


def test_any_column_can_be_chosen_and_the_view_is_in_the_address(explore):
    page = explore()
    choose(page, "y", "eval_loss")
    choose(page, "x", "last_grad_norm")
    choose(page, "colour", "optimizer.learning_rate")
    choose(page, "panels", "cell.activation")
    choose(page, "marks", "medians")
    for part in (
        "y=eval_loss",
        "x=last_grad_norm",
        "color=optimizer.learning_rate",
        "facet=cell.activation",
        "marks=medians",
    ):
        assert part in address(page)
    assert page.locator(".explore-legend .key").all_inner_texts() == ["0.01", "0.1", "1"]


def test_an_address_restores_the_view_and_the_selection(explore):
    page = explore("#explore?y=eval_loss&color=task&f.cell.activation=%3Drelu&r.score=0.5..1&flip=eval_loss")
    assert page.get_by_label("y", exact=True).input_value() == "eval_loss"
    assert page.get_by_label("colour", exact=True).input_value() == "task"
    assert page.get_by_label("filter cell.activation").input_value() == "=relu"
    assert page.locator(".chip").all_inner_texts() == ["cell.activation: =relu ×", "score 0.5 to 1 ×"]
    # relu on sines: 7 of 18 diverged, and scored 0; the other scores are 0.75 or more
    assert page.locator("#run-count").inner_text() == "29 of 108 runs"


def test_an_address_with_unknown_names_is_no_error(explore):
    page = explore("#explore?y=nonsense&x=run&columns=a&f.nonsense=1&r.score=a..b&pick=nobody&marks=x")
    assert page.get_by_label("y", exact=True).input_value() == "score"
    assert page.locator(".explore-count").inner_text().startswith("108 of 108 runs")


def test_a_filter_of_the_table_holds_for_the_picture_and_back(explore):
    page = explore()
    page.get_by_label("filter optimizer.learning_rate").fill("=1")
    page.get_by_text("36 of 108 runs; 6 diverged").wait_for()
    page.get_by_label("column to filter").select_option("cell.activation")
    page.get_by_label("filter", exact=True).fill("=relu")
    page.get_by_role("button", name="Add").click()
    assert page.locator("#run-count").inner_text() == "12 of 108 runs"
    assert page.get_by_label("filter cell.activation").input_value() == "=relu"
    page.get_by_role("button", name="Show all runs").click()
    assert page.locator("#run-count").inner_text() == "108 of 108 runs"


def test_a_colour_of_the_legend_is_a_filter(explore):
    page = explore()
    page.locator(".explore-legend button", has_text="tanh").click()
    assert page.locator("#run-count").inner_text() == "36 of 108 runs"
    page.locator(".explore-legend button", has_text="tanh").click()
    assert page.locator("#run-count").inner_text() == "108 of 108 runs"


def test_a_region_selects_runs_for_the_table_too(explore):
    page = explore("#explore?x=cell.activation&y=score&facet=")
    page.locator(CANVAS).scroll_into_view_if_needed()
    page.get_by_role("button", name="Select a region").click()
    frame = page.locator(CANVAS).bounding_box()
    page.mouse.move(frame["x"] + 60, frame["y"] + 26)
    page.mouse.down()
    for part in (0.2, 0.36):
        page.mouse.move(frame["x"] + part * frame["width"], frame["y"] + 0.85 * frame["height"])
    page.mouse.up()
    page.locator(".chip").nth(1).wait_for()
    assert [text.split(" ")[0] for text in page.locator(".chip").all_inner_texts()] == ["cell.activation", "score"]
    n = int(page.locator("#run-count").inner_text().split(" ")[0])
    assert 0 < n <= 36 and set(
        re.findall(r"-(tanh|relu|sigmoid)-", " ".join(page.locator("#run-table tbody th").all_inner_texts()))
    ) == {"tanh"}


def test_the_keys_go_from_mark_to_mark_and_open_one(explore):
    page = explore()
    page.locator(CANVAS).focus()
    page.keyboard.press("Home")
    lines = box_lines(page)
    assert lines["cell.activation"] in ("tanh", "sigmoid", "relu") and 0 <= float(lines["score"]) <= 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".run-pictures canvas").first.wait_for()
    assert "pick=" in address(page) and page.locator(".run-head h3").inner_text() == "The run"
    page.keyboard.press("Escape")
    assert not page.locator(".point-box").is_visible()


def test_two_runs_are_laid_over_each_other_and_what_differs_is_marked(explore):
    page = explore("#explore?pick=sines-tanh-0.1-0&over=sines-relu-0.1-1")
    page.locator(".run-pictures canvas").first.wait_for()
    assert page.locator(".run-head h3").inner_text() == "Two runs"
    differs = page.locator(".run-settings tr.differs th").all_inner_texts()
    assert (
        "cell.activation" in differs and "seed" in differs and "learning_rate" not in differs and "task" not in differs
    )
    titles = [
        text.split("\n")[0].split(" evaluation")[0] for text in page.locator(".run-pictures h4").all_inner_texts()
    ]
    assert [title.split(" ")[0] for title in titles] == ["Curves", "Predictions", "Gradient"]
    page.get_by_role("button", name="Only the first").click()
    page.get_by_text("The run", exact=True).wait_for()
    assert "over=" not in address(page)


def test_a_text_that_a_network_spelled_has_its_wrong_letters_marked(explore):
    page = explore("#explore?pick=hangul-relu-0.1-0")
    page.locator(".run-pictures mark").first.wait_for()
    assert page.locator(".run-pictures mark").all_inner_texts() == ["x", "x"]


def test_seeds_collapse_to_their_median(explore):
    page = explore(
        "#explore?marks=medians&y=eval_loss&f.task=%3Dsines&f.optimizer.learning_rate=%3D0.01&f.cell.activation=%3Dtanh"
    )
    page.locator(CANVAS).focus()
    page.keyboard.press("Home")
    assert page.locator(".point-box strong").inner_text() == "median of 6 seeds, 6 runs, 0 diverged"
    # the losses are 0.04 (1 + 0.05 seed) for six seeds: median 0.045; with six the interval is from lowest to highest
    text = next(value for name, value in box_lines(page).items() if name.startswith("evaluation loss"))
    assert text == "0.045, 95% 0.04 to 0.05"


def test_several_keys_group_while_seeds_collapse(explore):
    page = explore("#explore?marks=medians&x=task&color=&facet=&by=task")
    page.locator(CANVAS).focus()
    page.keyboard.press("End")
    assert "median of 6 seeds, 54 runs" in page.locator(".point-box strong").inner_text()
    page.locator("summary", has_text="Grouped by").click()
    page.get_by_label("cell.activation", exact=True).check()
    page.locator(CANVAS).focus()
    page.keyboard.press("End")
    assert "18 runs" in page.locator(".point-box strong").inner_text()


def test_parallel_coordinates_draw_point_and_select(explore):
    page = explore("#explore?kind=parallel")
    page.locator(CANVAS).focus()
    page.keyboard.press("Home")
    assert page.locator(".point-box").is_visible() and page.locator(".explore-ring").get_attribute("d").count("L") >= 2
    page.keyboard.press("Enter")
    page.locator(".run-pictures canvas").first.wait_for()


def test_a_dot_and_a_line_of_the_drawn_figures_say_which_run_they_are(visit):
    page = visit()
    figure = page.locator("#figure-scores .sheet")
    figure.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".point-box strong").inner_text().startswith("seed ")
    page.keyboard.press("Enter")
    page.wait_for_selector("#explore[data-ready]")
    page.locator(".run-pictures canvas").first.wait_for()
    assert "pick=" in address(page)
    page.locator("#figure-curves-sines .sheet").focus()
    page.keyboard.press("End")
    assert box_lines(page)["task"] == "sines"


def test_a_touch_on_a_dot_says_what_it_is(visit):
    page = visit(390, has_touch=True)
    dot = page.locator("#figure-scores [data-runs] use").first
    dot.scroll_into_view_if_needed()
    frame = dot.bounding_box()
    page.touchscreen.tap(frame["x"] + 2, frame["y"] + 2)
    assert page.locator(".point-box strong").inner_text().startswith("seed ")


def test_the_name_of_a_run_in_the_table_opens_it(visit):
    page = visit()
    page.locator("#run-table tbody th button").first.click()
    page.locator(".run-pictures canvas").first.wait_for()
    assert page.locator(".run-head h3").inner_text() == "The run"


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("scatter", 390, "dark"),
        pytest.param("scatter", 1280, "light", marks=pytest.mark.slow),
        pytest.param("parallel", 390, "light", marks=pytest.mark.slow),
        pytest.param("parallel", 1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_has_no_complaint_about_the_section_with_a_run_open(explore, violations, width, scheme, kind):
    page = explore(
        f"#explore?kind={kind}&f.cell.activation=relu&pick=sines-tanh-0.1-0",
        width=width,
        color_scheme=scheme,
        bypass_csp=True,
    )
    page.locator(".run-pictures canvas").first.wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_and_on_paper_the_section_is_not_there(visit):
    assert not visit(java_script_enabled=False).locator("#explore").is_visible()
    page = visit()
    page.emulate_media(media="print")
    assert not page.locator("#explore").is_visible()


def test_the_index_explores_the_runs_of_all_studies(explore, build, tmp_path):
    for name in ("one", "two"):
        runs = [build.record(activation=activation, seed=seed) for activation in ("tanh", "relu") for seed in range(2)]
        build.runs(tmp_path / name, runs)
        write_report(tmp_path / name)
    page = explore(path=write_index(tmp_path))
    assert page.locator(".explore-count").inner_text().startswith("8 of 8 runs")
    choose(page, "panels", "study")
    page.locator(CANVAS).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    link = page.locator(".run-settings thead a")
    assert link.get_attribute("href").startswith("one/report/index.html#explore?pick=sines-")
