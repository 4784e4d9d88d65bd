"""Pages of findings say what their stored tables say, and the tables what training gives.

A number of the prose stands in a block of its page, in the study's file, or in a citation: a paragraph that begins with
**Source.** or **Published.**, and a table right below one.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from rnnlab.report.command import main as report
from rnnlab.report.findings.fill import contents_of
from rnnlab.report.findings.markers import blocks_of, content_of
from rnnlab.report.findings.queries import query_of

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
STUDIES = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))
FULL = "_full"  # ends the name of the page of a study with scale=full
PAGES = sorted(path.stem for path in EXPERIMENTS.glob("*.md") if path.stem != "README")
FILLED = [EXPERIMENTS / f"{page}.md" for page in PAGES] + [ROOT / "docs/findings.md"]
REGENERATED = ["hihello", "gradient_flow"]
REGENERATE = "RNNLAB_REGENERATE"  # set where there is time to train them: in CI

NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
CITED = ("**Source.**", "**Published.**")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def test_every_study_has_a_page_and_every_page_a_study():
    assert {page.removesuffix(FULL) for page in PAGES} == set(STUDIES)


def test_every_page_has_its_folder_of_stored_tables():
    folders = {path.name for path in (EXPERIMENTS / "results").iterdir()}
    assert folders == set(PAGES)


@pytest.mark.parametrize("page", FILLED, ids=name_of)
def test_every_block_of_a_page_is_what_the_stored_tables_give(page):
    text = page.read_text(encoding="utf-8")
    blocks = blocks_of(text, name_of(page))
    for block, content in zip(blocks, contents_of(page, [query_of(block) for block in blocks]), strict=True):
        assert content_of(text, block) == content, f"{block.place}: rnnlab-report --fill {name_of(page)}"


@pytest.mark.parametrize("page", FILLED, ids=name_of)
def test_the_figures_stored_are_those_of_the_page(page):
    folder = page.parent / "results" / page.stem
    shown = re.findall(rf"\]\(results/{page.stem}/([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in folder.glob("*.png"))


# Numbers of the prose


def numbers_in(text):
    return {float(number.replace(",", "")) for number in NUMBER.findall(text)}


def prose_of(text):
    """(line, its text) of all that is neither in a block nor in code, and is no link or citation."""
    inside = {n for block in blocks_of(text, "page") for n in range(block.first - 1, block.last + 1)}
    is_cited = is_table = in_fence = False
    above = ""
    for n, line in enumerate(text.splitlines()):
        in_fence ^= line.startswith(("```", "~~~"))
        if line and not above:  # a paragraph begins
            was_table, is_table = is_table, line.startswith("|")
            is_cited = line.startswith(CITED) or (is_cited and is_table and not was_table)
        above = line
        if n not in inside and not in_fence and not is_cited:
            yield n + 1, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


def unknown_numbers(text, known):
    """(line, number) of the prose that stands neither in a block nor among the known ones."""
    blocks = blocks_of(text, "page")
    known = known | {number for block in blocks for number in numbers_in(content_of(text, block))}
    return [(n, number) for n, line in prose_of(text) for number in sorted(numbers_in(line) - known)]


@pytest.mark.parametrize("page", FILLED, ids=name_of)
def test_every_number_of_the_prose_is_in_a_block_or_in_the_file_of_the_study(page):
    file = page.with_name(f"{page.stem.removesuffix(FULL)}.yaml")
    known = numbers_in(file.read_text(encoding="utf-8")) if file.exists() else set()
    found = unknown_numbers(page.read_text(encoding="utf-8"), known)
    assert not found, "; ".join(f"{name_of(page)}:{n}: {number:g}" for n, number in found)


PAGE = """# Title of 7

**Source.** It prints 0.11
over 12 seeds.

We find 5 of 1,234 and 0.30, `--n=99`, see [it](page13.md) and relu6.

<!-- rnnlab: runs -->
| a | 0.3 (5 to 1,234) |
<!-- rnnlab: end -->

**Published.** Theirs:

| theirs | 0.44 |
|---|---|

| ours | 0.55 |

Not 8.5%, and 2.
"""


def test_the_search_for_numbers_knows_citations_blocks_code_and_links():
    assert unknown_numbers(PAGE, {2.0}) == [(1, 7.0), (17, 0.55), (19, 8.5)]


# From training to the page


@pytest.mark.skipif(REGENERATE not in os.environ, reason=f"trains for a minute: set {REGENERATE}=1")
@pytest.mark.parametrize("study", REGENERATED)
def test_training_a_study_anew_gives_its_tables_and_its_page_to_the_last_byte(study, rnnlab, tmp_path, capsys):
    page = tmp_path / f"{study}.md"
    shutil.copy(EXPERIMENTS / page.name, page)
    page.write_text(re.sub(r"(-->\n)\n[^<]*?(\n<!-- rnnlab: end)", r"\1\2", page.read_text("utf-8")), encoding="utf-8")
    (command,) = re.findall(r"- Command: `rnnlab (.*)`", (EXPERIMENTS / page.name).read_text(encoding="utf-8"))
    assert rnnlab(*shlex.split(command), "hydra.sweep.dir=runs", "hydra.launcher.report=false") == 0
    assert report(["runs", "--fill", str(page)]) == 0, capsys.readouterr().err
    for name in (page.name, *(f"results/{study}/{table}" for table in ("runs.csv", "claims.csv", "study.json"))):
        assert (tmp_path / name).read_bytes() == (EXPERIMENTS / name).read_bytes(), name


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_findings_names_the_studies_when_it_is_given_none_or_another():
    for words in ([], ["STUDY=moons"]):
        ended = subprocess.run(["make", "--dry-run", "findings", *words], cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == 2 and f"must be all or one of {' '.join(STUDIES)}" in ended.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_findings_fills_another_page_with_runs_at_full_scale():
    for args, name in (("", "${study};"), ("ARGS=scale=full seed=range(3)", "${study}_full;")):
        command = ["make", "--dry-run", "findings", "STUDY=irnn", args]
        said = subprocess.run([*filter(None, command)], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert f"name={name}" in said and "--fill experiments/$name.md" in said
