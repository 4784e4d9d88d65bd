"""docs/site makes one site of all pages, without a warning; nothing in it asks another server for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install -r requirements-docs.txt")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A broken link, a page that the order lacks, or a heading that is not there is a warning, and an error here."""
    folder = tmp_path_factory.mktemp("site")
    strict = ("--fail-on-warning", "--keep-going", "--quiet")
    command = [sys.executable, "-m", "sphinx", *strict, "--conf-dir", "docs/site", "-d", f"{folder}-read", ".", folder]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_every_page_is_in_the_site(site):
    pages = [path for part in ("*.md", "conf/*.md", "docs/*.md", "experiments/*.md") for path in ROOT.glob(part)]
    assert len(pages) > 30
    for page in pages:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file(), page
    assert "README.html" in (site / "index.html").read_text(encoding="utf-8")


def test_the_site_asks_no_other_server_for_anything(site):
    asks = re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["']?(?:https?:)?//|@import|url\(["']?https?:"""
    )
    for path in (path for path in site.rglob("*") if path.suffix in (".html", ".css")):
        assert not asks.search(path.read_text(encoding="utf-8")), path
