import pytest

from rnnlab.options import ConfigError
from rnnlab.report.findings.markers import Block
from rnnlab.report.findings.queries import query_of


def asked(words):
    return query_of(Block(words, 1, 2, "p.md:7"))


def test_keys_and_values_are_separated_by_commas_and_conditions_are_several():
    table = asked("table rows=cell,task values=score:range,learned where=task=a where='x.y=two words' tuned=z").table
    assert (table.rows, table.columns, table.tuned) == (("cell", "task"), (), ("z",))
    assert [(value.name, value.spread) for value in table.values] == [("score", "range"), ("learned", "")]
    assert [condition.text for condition in table.where] == ["task=a", "x.y=two words"]
    assert table.recorded == ("score", "tuning_score"), "settings are tuned by the validation loss"


def test_a_threshold_of_updates_is_read_with_its_number():
    (value,) = asked("table rows=cell values=updates(eval_loss<=1.5e-3)").table.values
    assert value.threshold == {"eval_loss": 0.0015}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("tabel", "'tabel'; must be one of runs, claims, table, figure, counts, findings, pictures, "
                  "published, end (did you mean 'table'?)"),
        ("table rows='a", "\"table rows='a\"; must be a kind with its keys (No closing quotation)"),
        ("runs of=a", "'of'; no such key: runs has no keys"),
        ("table row=a", "'row'; no such key: table has rows, columns, values, where, tuned, published "
                        "(did you mean 'rows'?)"),
        ("table rows", "'rows'; must be rows=..."),
        ("table rows=a rows=b", "rows='b'; the key is there twice"),
        ("table values=score", "rows is missing; it must name a swept key, as rows=cell.activation"),
        ("table rows=a", "values is missing; it must name what is shown, as values=learned,diverged,score"),
        ("table rows=a values=score:mean", "values='score:mean'; a median may have one of quartiles, range behind the "
                                           "colon"),
        ("table rows=a values=learned:range", "values='learned:range'; a median may have one of quartiles, range "
                                              "behind the colon"),
        ("table rows=a values=chosen", "values='chosen'; nothing is chosen without tuned=KEYS"),
        ("table rows=a values=score tuned=a", "tuned='a'; is among the rows or columns: it cannot be chosen, too"),
        ("table rows=a columns=b values=score published=x:1", "columns='b'; a table with published numbers has rows "
                                                              "only"),
        ("table rows=a,b values=score published=x:1", "published='x:1'; must be a row's 2 values, a colon, a number"),
        ("table rows=a values=score published=1", "published='1'; must be a row's 1 value, a colon, a number"),
        ("figure", "figure ''; must be followed by the name of one figure"),
        ("findings", "from is missing; it must name the folder of the pages, as from=../experiments"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_one_line_with_key_value_and_what_is_allowed(words, complaint):
    with pytest.raises(ConfigError) as error:
        asked(words)
    assert str(error.value) == f"p.md:7: {complaint}"


@pytest.mark.parametrize("value", ["updates", "updates(score<=0.5)", "updates(eval_loss>=1)", "updates(score>=x)",
                                   "updates(nothing>=1)", "updates(score>=0.5):range"])  # fmt: skip
def test_a_threshold_that_no_run_can_reach_from_the_right_side_is_refused(value):
    with pytest.raises(ConfigError, match=r"p.md:7: values='updates.*must be updates\(NAME>=NUMBER\) for score"):
        asked(f"table rows=a values={value}")


def test_a_condition_without_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"p\.md:7: where: 'task': is no condition; must be KEY=VALUE"):
        asked("table rows=a values=score where=task")
