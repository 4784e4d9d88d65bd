"""Dates of tables: ways to write them, their order, zones, and irregular steps; whatever the machine's time zone."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from rnnlab.options import ConfigError
from rnnlab.tasks.dates import date_axis, is_date, number_axis, order_of, parsed

DAYS = [date(2024, 1, 28) + timedelta(days=n) for n in range(9)]


def where(n):
    return f"line {n + 2}"


@pytest.mark.parametrize(
    "form",
    [
        *("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m/%d/%y"),
        *("%d %b %Y", "%d-%b-%Y", "%B %d, %Y", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M"),
        *("%m/%d/%Y %I:%M %p", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00"),
    ],
)
def test_usual_ways_to_write_dates_are_recognised(form):
    fields = [day.strftime(form) for day in DAYS]
    found = parsed(fields, None, where)
    assert [when.date() for when in found] == DAYS
    assert is_date(fields[0]) == (form != "%Y%m%d")  # digits alone are a number, unless the column is named


@pytest.mark.parametrize("field", ["", "3", "2.5", "1,5", "-4e3", "sunny", "12", "1.2.3", "v1-2", "10:30", "3/4"])
def test_numbers_and_words_are_no_dates(field):
    assert not is_date(field)


def test_of_day_and_month_the_order_is_taken_that_makes_dates_or_that_makes_them_go_forward():
    assert parsed(["01/02/2024", "13/02/2024"], None, where)[0] == datetime(2024, 2, 1)
    assert parsed(["01/02/2024", "02/02/2024", "03/02/2024", "01/03/2024"], None, where)[0] == datetime(2024, 2, 1)
    assert parsed(["03/01/2024", "02/02/2024", "02/01/2024"], None, where)[0] == datetime(2024, 3, 1)


def test_dates_with_two_readings_are_refused_unless_the_format_is_named():
    fields = ["01/02/2024", "02/03/2024", "03/04/2024"]
    with pytest.raises(ConfigError, match=r"^line 2: '01/02/2024' can be read as '%d/%m/%Y' and '%m/%d/%Y'; set task"):
        parsed(fields, None, where)
    assert parsed(fields, "%m/%d/%Y", where)[0] == datetime(2024, 1, 2)


@pytest.mark.parametrize(
    ("fields", "form", "complaint"),
    [
        (["2024-01-31", "2024-02-30"], None, "line 3: '2024-02-30', where a date as '2024-01-31' must be (task.date_"),
        (["2024-01-31", ""], None, "line 3: 'nothing', where a date"),
        (["1.2.2024", "1/2/2024"], None, "line 3: '1/2/2024', where a date"),
        (["31.1.2024"], "%d/%m/%Y", "task.date_format: '%d/%m/%Y'; line 2: time data '31.1.2024' does not match"),
        (["2024-01-01T00:00Z", "2024-01-02T00:00"], None, "line 3: the time has no time zone, and the first of the"),
    ],
)
def test_what_is_no_date_is_named_by_its_place(fields, form, complaint):
    with pytest.raises(ConfigError) as caught:
        parsed(fields, form, where)
    assert str(caught.value).startswith(complaint)


def test_times_with_a_zone_are_taken_to_utc_and_this_is_said():
    """Night of the change to summer time: by the clock an hour is missing, in UTC none."""
    fields = ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"]
    axis = date_axis(parsed(fields, None, where), "when")
    assert axis.labels.tolist() == ["2024-03-31T00:00:00Z", "2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"]
    assert np.diff(axis.positions).tolist() == [3600, 3600]
    assert axis.remarks == ("task.date=when: times have a time zone and are taken to UTC",)


def test_positions_are_seconds_since_1970():
    times = [datetime(2024, 1, 1, 6, 30, tzinfo=UTC), datetime(2024, 1, 1, 6, 30, 0, 250_000, tzinfo=UTC)]
    axis = date_axis(times, "t")
    assert axis.positions.tolist() == [time.timestamp() for time in times]
    assert axis.labels.tolist() == ["2024-01-01T06:30:00.000000Z", "2024-01-01T06:30:00.250000Z"]


def test_irregular_steps_are_said_with_the_typical_and_the_longest_one():
    working = [day for day in DAYS if day.weekday() < 5]
    (remark,) = date_axis(parsed([day.isoformat() for day in working], None, where), "Date").remarks
    assert remark == (
        "task.date=Date: 1 of 5 steps are not the typical 1 day, the longest is 3 days, from 2024-02-02 to 2024-02-05; "
        "to the network every row is one step"
    )
    assert date_axis(parsed([day.isoformat() for day in DAYS], None, where), "Date").remarks == ()
    (remark,) = number_axis(np.array([1990.0, 1991, 1993]), "year").remarks
    assert remark.startswith("task.date=year: 1 of 2 steps are not the typical 1, the longest is 2, from 1991 to 1993")


@pytest.mark.parametrize(
    "fields",
    [
        [f"2024-{month:02}" for month in range(1, 13)],
        [f"2024-{month:02}-15" for month in range(1, 13)],
        [f"{year}-12-31" for year in range(2000, 2020)],
        ["2024-01-31", "2024-02-29", "2024-03-31"],
        ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"],
    ],
)
def test_months_quarters_and_years_are_regular_though_their_days_differ(fields):
    assert date_axis(parsed(fields, None, where), "month").remarks == ()


def test_rows_are_put_in_order():
    assert order_of([1, 2, 3]) == slice(None)
    assert order_of([3, 2, 1]) == slice(None, None, -1)
    assert order_of([2, 3, 1]).tolist() == [2, 0, 1]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_time_zone_of_the_machine_changes_nothing(zone):
    code = """
from rnnlab.tasks.dates import date_axis, parsed
for fields in (["2024-03-10 02:30", "2024-03-10 03:30"], ["2024-03-10T02:30:00-05:00", "2024-03-10T03:30:00-04:00"]):
    axis = date_axis(parsed(fields, None, str), "t")
    print(axis.labels.tolist(), axis.positions.tolist())
"""
    environment = os.environ | {"TZ": zone}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [
        "['2024-03-10T02:30:00', '2024-03-10T03:30:00'] [1710037800.0, 1710041400.0]",
        "['2024-03-10T07:30:00Z', '2024-03-10T07:30:00Z'] [1710055800.0, 1710055800.0]",
    ]
