"""A large sweep says how far its planning is."""

from rnnlab.sweep import counting
from rnnlab.sweep.counting import counted


def test_the_same_things_pass_and_nothing_is_said_of_what_is_soon_done(capsys):
    assert list(counted(iter("abc"), 3, "runs checked")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_what_takes_long_says_how_many_have_passed(capsys, monkeypatch):
    monkeypatch.setattr(counting, "FIRST_S", 0.0)
    monkeypatch.setattr(counting, "EVERY_S", 0.0)
    assert list(counted(range(3001), 3001, "runs checked")) == list(range(3001))
    said = [f"rnnlab: {n} of 3001 runs checked" for n in (0, 1000, 2000, 3000)]
    assert capsys.readouterr().err.splitlines() == said
