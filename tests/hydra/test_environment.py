"""Values of the environment are never recorded: of a study's texts what is written stands in its files."""

import json

import pytest

SECRET = "hunter2-only-in-the-environment"
RESOLVER = "${oc.env:RNNLAB_TEST_SECRET}"
SMALL = [
    "task=sines",
    "task.n_points=60",
    "task.forecast_steps=0",
    "training.steps=1",
    "cell.hidden_size=3",
    "training.batch_size=8",
]


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("RNNLAB_TEST_SECRET", SECRET)


def claim(says):
    text = f"[{{says: '{says}', source: '{says}', because: '{says}', quantity: score, of: {{task: sines}}, "
    return f"claims={text}than: 0.5, is: higher, margin: 0.1}}]"


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("way", ["-m", "one run"])
def test_what_a_resolver_stands_for_is_in_no_file_and_its_text_is(rnnlab, tmp_path, way, capfd):
    # An interpolation that leads to a resolver is none of the two texts alone.
    words = [f"question={RESOLVER}", "source=${question}", claim(RESOLVER), *SMALL]
    assert rnnlab(*(["-m", "seed=0,1"] if way == "-m" else ["seed=0"]), *words) == 0
    held = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert held and not [path for path, content in held.items() if SECRET.encode() in content]
    assert SECRET not in "".join(capfd.readouterr())
    if way == "-m":
        file = json.loads((tmp_path / "outputs" / "scratch" / "study.json").read_text())
        assert file["question"] == RESOLVER and file["source"] == "${question}"
        assert {file["claims"][0][name] for name in ("says", "source", "because")} == {RESOLVER}
        assert RESOLVER in (tmp_path / "outputs" / "scratch" / "multirun.yaml").read_text()
        report = (tmp_path / "outputs" / "scratch" / "report" / "index.html").read_text(encoding="utf-8")
        assert RESOLVER in report


@pytest.mark.usefixtures("secret")
def test_a_claim_about_a_value_of_the_environment_is_refused_without_its_value(rnnlab, capfd):
    text = f"[{{says: x, quantity: score, of: {{task: '{RESOLVER}'}}, than: 0.5, is: higher}}]"
    assert rnnlab("-m", "seed=0", f"claims={text}", *SMALL) == 2
    said = capfd.readouterr().err
    assert "RNNLAB_TEST_SECRET" in said and SECRET not in said
