"""A real browser: Debian's chromium without a window, driven by playwright.  Tests are skipped where it is absent."""

import shutil
from pathlib import Path

import pytest

AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no chromium here; apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, rich_report):
    """visit(width=390, ...) -> the page, loaded; fails afterwards if the browser complained or asked for anything."""
    complaints, requests, contexts = [], [], []

    def open_page(width=1280, path=rich_report / "index.html", address="", **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + address)
        if options.get("java_script_enabled", True) and page.locator("#run-data").count():
            page.wait_for_selector("html.scripted", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert len([url for url in requests if url.partition("#")[0].endswith(".html")]) == len(contexts)


@pytest.fixture
def violations():
    """violations(page) -> what axe-core finds; the page must be visited with bypass_csp=True."""

    def found(page):
        page.add_script_tag(path=AXE)
        rules = page.evaluate("axe.run()")["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in rules for node in rule["nodes"]
        ]

    return found
