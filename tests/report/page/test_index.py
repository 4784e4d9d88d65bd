import re

import pytest

from rnnlab.report.page import page
from rnnlab.report.page.index import Entry, study_folders, write_index


@pytest.fixture
def outputs(build, tmp_path):
    claim = {"says": "tanh is <b>good</b>", "quantity": "score", "of": {"cell.activation": "tanh"}, "than": 0.5,
             "is": "higher"}  # fmt: skip
    build.runs(tmp_path / "one", [build.record(seed=seed) for seed in range(10)])
    build.study_file(tmp_path / "one", question="Is tanh <i>good</i>?", claims=[claim])
    build.runs(tmp_path / "two words", [build.record("digits", "relu"), build.record("digits", "tanh")])
    (tmp_path / "broken" / "run").mkdir(parents=True)
    (tmp_path / "broken" / "run" / "run.json").write_text("{")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_studies_are_the_folders_that_hold_runs(outputs):
    assert [path.name for path in study_folders(outputs)] == ["broken", "one", "two words"]
    assert study_folders(outputs / "one") == [] and study_folders(outputs / "nowhere") == []


def test_the_page_has_every_study_with_its_verdicts_or_findings_and_a_link(outputs):
    text = write_index(outputs).read_text(encoding="utf-8")
    assert "Is tanh &lt;i&gt;good&lt;/i&gt;?" in text and "tanh is &lt;b&gt;good&lt;/b&gt;" in text
    assert "supported" in text and "tanh has the highest median score" in text
    assert "No report: " in text and "none of its 1 run folders can be read" in text
    for link in re.findall(r'(?:href|src)="([^"]+)"', text):
        assert (outputs / link.replace("%20", " ")).is_file(), link
    assert "<img" not in text  # the picture of a study is on its own page


def test_folders_without_a_question_share_a_table(outputs):
    text = write_index(outputs).read_text(encoding="utf-8")
    table = text[text.index("Without a question</h2>") : text.index("</table>")]
    assert "two words" in table and "broken" in table and "Is tanh" not in table
    assert text.index("Is tanh") < text.index("Without a question</h2>")


def test_the_index_takes_what_each_report_says_of_itself(outputs, monkeypatch):
    """A study whose report is up to date is not judged again."""
    before = write_index(outputs).read_text(encoding="utf-8")
    monkeypatch.setattr(page, "view_of", None)
    assert write_index(outputs).read_text(encoding="utf-8") == before
    monkeypatch.undo()
    (outputs / "one" / "report" / ".summary.json").unlink()
    assert write_index(outputs).read_text(encoding="utf-8") == before


def test_a_tally_has_the_judgements_in_their_order():
    judgements = ("undecided", "no difference that matters", "supported", "undecided", "refuted")
    entry = Entry("one", verdicts=tuple((judgement, "a claim") for judgement in judgements))
    assert entry.tally == [("supported", 1), ("refuted", 1), ("no difference that matters", 1), ("undecided", 2)]


def test_the_page_as_markdown_links_the_reports_in_markdown(outputs):
    text = write_index(outputs, "md").read_text(encoding="utf-8")
    assert "[Is tanh &lt;i>good&lt;/i>?](one/report/report.md)" in text and "- **✓ supported**: tanh is" in text
    assert (outputs / "one" / "report" / "report.md").is_file()
