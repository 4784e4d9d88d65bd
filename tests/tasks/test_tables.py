"""Tables as text: what separates fields, how decimals are written, and what is refused by line and column."""

import math

import pytest

from rnnlab.options import ConfigError
from rnnlab.tasks import tables
from rnnlab.tasks.tables import Table, as_number, is_missing


def read_table(path, text, *named, **options):
    return tables.read_table(path, text.encode(), *named, **options)


@pytest.mark.parametrize(
    ("text", "separator", "decimal"),
    [
        ("a,b\n1.5,2\n", "comma", "point"),
        ("a;b\n1,5;2\n", "semicolon", "comma"),
        ("a;b\n1.5;2\n", "semicolon", "point"),
        ("a\tb\n1,5\t2\n", "tab", "comma"),
        ("a|b\n1.5|2\n", "bar", "point"),
        ('a,b\n"1,5","2,25"\n', "comma", "comma"),
        ("1,5;2,5\n3,5;4,5\n", "semicolon", "comma"),  # by commas, too, all rows have as many fields
        ("# by Li; 2024\na,b\n1,2\n", "comma", "point"),
        ('"x;y",b\n1,2\n', "comma", "point"),
        ("a\n1\n2\n", "comma", "point"),
        ("a;b\n1;2\n3\n", None, None),  # the first row says what is meant
    ],
)
def test_separators_and_decimals_are_recognised(text, separator, decimal):
    if separator is None:
        with pytest.raises(ConfigError, match=r"line 3 has 1 fields, and the table 2 columns \(separated by semicolon"):
            read_table("x.csv", text)
        return
    table = read_table("x.csv", text)
    assert (table.separator, table.decimal) == (separator, decimal)


def test_what_is_named_is_not_recognised():
    assert read_table("x.csv", "a b\n1 2,5\n", "space", "comma").rows == (("1", "2,5"),)
    assert read_table("x.csv", "1;2,1;3\n", "comma").names == ("1;2", "1;3")
    assert read_table("x.csv", "a;b\n1,234;2\n", decimal="comma").numbers(0).tolist() == [1.234]


def test_a_comma_that_may_separate_thousands_is_refused():
    with pytest.raises(ConfigError, match=r"line 2: '1,234' can be 1\.234 or 1234; .* task\.decimal=comma$"):
        read_table("x.csv", "a;b\n1,234;5\n12,345,678;5\n")
    assert read_table("x.csv", "a;b\n0,234;5\n").decimal == "comma"  # no thousands begin with a zero


@pytest.mark.parametrize(
    ("field", "decimal", "number"),
    [
        ("1.5", "point", 1.5),
        ("-2e3", "point", -2000),
        ("1,5", "point", None),
        ("1,5", "comma", 1.5),
        ("-1,5e-3", "comma", -0.0015),
        ("1.5", "comma", None),
        ("1,234,567", "comma", None),
        ("1_000", "point", None),
        ("", "point", None),
        ("one", "comma", None),
    ],
)
def test_a_field_is_a_number_in_one_way_of_writing_only(field, decimal, number):
    for found in (as_number(field, decimal), Table("x", ("a",), ((field,),), (1,), decimal=decimal).numbers(0)[0]):
        assert math.isnan(found) if number is None else found == number


def test_the_usual_marks_stand_for_no_value():
    assert all(map(is_missing, ("", "NA", "n/a", "NaN", "null", "None", "-", "?", "#N/A")))
    assert not any(map(is_missing, ("0", "no", "inf", "nana", ".")))


def test_a_header_has_neither_numbers_nor_dates():
    assert read_table("x.csv", "day,word\n2024-01-02,sunny\n").names == ("day", "word")
    assert read_table("x.csv", "2024-01-02,sunny\n2024-01-03,rain\n").names == ("0", "1")


def test_lines_are_those_of_the_file_whatever_stands_between():
    table = read_table("x.csv", '# a note\n\na,b\n1,"x\ny"\n\n2,z\n')
    assert table.lines == (5, 7)


def test_a_name_that_several_columns_have_is_refused_and_its_number_is_not():
    table = read_table("x.csv", "a,a\n1,2\n")
    assert table.place("1", "columns") == 1
    with pytest.raises(ConfigError, match=r"task\.target: 'a'; x\.csv has several such columns, give its number"):
        table.place("a", "target")
