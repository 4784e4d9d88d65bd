"""The examples of docs/ run, and what docs/ says of the page and the claims is there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

import rnnlab
from rnnlab import statistics
from rnnlab.records import claims
from rnnlab.report.load import Results

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_python_example_runs(study_folder, capsys):
    _, code = blocks("python.md", "python")  # the first one trains: tests/docs/test_python.py
    code = code.replace("outputs/activations", str(study_folder))
    exec(compile(code, "docs/python.md", "exec"), {})
    out = capsys.readouterr().out
    assert "leaky_relu" in out and "killed missing run.json: no such file" in out


def test_every_table_is_documented():
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    public = {name for name in vars(Results) if not name.startswith("_")}
    assert public == {"folder", "report", "runs", "curves", "predictions", "gradients", "verdicts", "pairs", "problems"}
    assert all(f"| `{name}` |" in text or f"| `{name}()` |" in text for name in public)


def test_every_column_of_verdicts_and_pairs_is_documented(rich_report):
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    results = rnnlab.load(rich_report.parent)
    for table in (results.verdicts, results.pairs):
        assert len(table) and all(f"`{column}`" in text for column in table)


def test_the_example_of_a_claim_is_one():
    (text,) = blocks("statistics.md", "yaml")
    (claim,) = claims.parse(yaml.safe_load(text)["claims"])
    assert claim.quantity == "diverged"


def test_every_key_of_a_claim_is_documented():
    text = (DOCS / "statistics.md").read_text(encoding="utf-8")
    for key in claims.KEYS:
        assert f"`{key}`" in text, key
    assert len(claims.KEYS) == len(fields(claims.Claim))


@pytest.mark.parametrize(
    "name",
    [
        "Wilson",
        "Efron",
        "Dodge",
        "Tang",
        "Agarwal",
        "Holm",
        "Schuirmann",
        "Berger",
        "Wilcoxon",
        "Whitney",
        "Ramdas",
        "Fisher",
    ],
)
def test_sources_stand_in_the_code_and_in_the_documentation(name):
    assert name in (DOCS / "statistics.md").read_text(encoding="utf-8")
    assert any(name in path.read_text(encoding="utf-8") for path in Path(statistics.__file__).parent.glob("*.py"))
