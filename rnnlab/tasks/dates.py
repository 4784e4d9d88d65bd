"""The dates of a table: how they are written, and the axis that they make.

A date is read as ISO 8601, or in one of FORMATS.  01/02/2024 has two readings: the one that fits all dates and puts
them in order is taken.  Times with a time zone are taken to UTC; times without one are taken as they stand.  Nothing
depends on the time zone or the language of the machine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import numpy as np

from rnnlab.options import ConfigError

DAYS = (
    *("%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%B %Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
FORMATS = (*(f"{day}{time}" for day, time in product(DAYS, TIMES)), *MONTHS)
COULD_BE = re.compile(r"(?=.*\d)[\w\s./:,+-]*[-/.:\s][\w\s./:,+-]*")  # a number and something that separates
EPOCH = datetime(1970, 1, 1)
Order = slice | np.ndarray  # picks rows, the oldest first
UNITS = {"day": 86400.0, "hour": 3600.0, "minute": 60.0, "second": 1.0}


@dataclass(frozen=True, eq=False)
class Axis:
    """A place on the x axis for each row, in the order of the rows.

    labels: what predictions.csv says, numbers or dates as text; those in UTC end in Z.
    positions: seconds, or the numbers themselves.  remarks: what a person should know of them."""

    labels: np.ndarray
    positions: np.ndarray
    remarks: tuple[str, ...] = ()


def is_date(field: str) -> bool:
    """Whether a field is a date in one of the ways that are recognised, and not a plain number."""
    return not _is_plain_number(field) and bool(_readings(field))


def parsed(fields: Sequence[str], stated: str | None, where: Callable[[int], str]) -> list[datetime]:
    """The fields as dates; those with a time zone in UTC.

    stated: the format, as Python's strptime has it; None: recognised.  where: says of a field's number where it stands.
    Raises ConfigError for a field that is no date, or where dates can be read in two ways."""
    if stated is not None:
        dates = [_in_format(field, stated, where(n)) for n, field in enumerate(fields)]
        _check_zones(dates, where)
        return dates
    readings = _readings(fields[0])
    found: dict[str, list[datetime]] = {form: [] for form in readings}
    for n, field in enumerate(fields):
        for form in list(found):
            if (date := readings[form](field)) is None:
                del found[form]
            else:
                found[form].append(date)
        if not found:
            raise ConfigError(
                f"{where(n)}: {field or 'nothing'!r}, where a date as {fields[0]!r} must be (task.date_format says how "
                "dates are written; task.date=none reads no dates)"
            )
    for dates in found.values():
        _check_zones(dates, where)
    ways: dict[tuple[datetime, ...], str] = {}
    for form, dates in found.items():
        ways.setdefault(tuple(dates), form)
    in_order = [way for way in ways if not isinstance(order_of(way), np.ndarray)]
    if len(ways) > 1 and len(in_order) != 1:
        forms = " and ".join(map(repr, ways.values()))
        raise ConfigError(f"{where(0)}: {fields[0]!r} can be read as {forms}; set task.date_format to one of them")
    return list(in_order[0] if in_order else next(iter(ways)))


def is_compact_date(field: str) -> bool:
    """Whether a field of digits alone is a date as well, as 20240131 is."""
    return len(field) == 8 and field.isdecimal() and _iso(field) is not None


def order_of(entries: Sequence[datetime] | Sequence[float]) -> Order:
    """What puts dates or numbers in order: a slice where they go forward or back all the way."""
    n = range(len(entries) - 1)
    if all(entries[k] <= entries[k + 1] for k in n):  # type: ignore[operator]
        return slice(None)
    if all(entries[k] >= entries[k + 1] for k in n):  # type: ignore[operator]
        return slice(None, None, -1)
    return np.array(sorted(range(len(entries)), key=entries.__getitem__))


def date_axis(dates: Sequence[datetime], name: str) -> Axis:
    """The axis of dates that are in order.  name: of the column."""
    zoned = [date.tzinfo is not None for date in dates]
    remarks: tuple[str, ...] = ("times have a time zone and are taken to UTC",) if all(zoned) else ()
    plain = [date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date for date in dates]
    days_only = not any(zoned) and all(date.time() == EPOCH.time() for date in plain)
    precision = "microseconds" if any(date.microsecond for date in plain) else "seconds"
    labels = [
        date.date().isoformat() if days_only else date.isoformat(timespec=precision) + "Z" * zone
        for date, zone in zip(plain, zoned, strict=True)
    ]
    positions = np.array([(date - EPOCH) / timedelta(seconds=1) for date in plain])
    irregular = None if _by_month(plain) else _irregular(positions, labels, _duration)
    remarks += (irregular,) if irregular else ()
    return Axis(np.array(labels), positions, tuple(f"task.date={name}: {remark}" for remark in remarks))


def number_axis(numbers: np.ndarray, name: str) -> Axis:
    """The axis of numbers that are in order, such as years."""
    whole = bool((numbers == np.trunc(numbers)).all() and np.abs(numbers).max() < 2**53)
    labels = numbers.astype(np.int64) if whole else numbers
    irregular = _irregular(numbers, [f"{number:g}" for number in numbers], "{:g}".format)
    return Axis(labels, numbers, (f"task.date={name}: {irregular}",) if irregular else ())


def _irregular(positions: np.ndarray, labels: Sequence[str], in_words: Callable[[float], str]) -> str | None:
    """In words, how many steps differ from the most frequent one; None where all are equal."""
    steps = np.diff(positions)
    counts = Counter(steps.tolist())
    if not counts or np.ptp(steps) <= 8 * np.spacing(np.abs(positions).max()):
        return None
    typical, n = counts.most_common(1)[0]
    longest = int(steps.argmax())
    return (
        f"{len(steps) - n} of {len(steps)} steps are not the typical {in_words(typical)}, the longest is "
        f"{in_words(float(steps[longest]))}, from {labels[longest]} to {labels[longest + 1]}; to the network every row "
        "is one step"
    )


def _duration(seconds: float) -> str:
    """ "1 day", "90 minutes" """
    unit, size = next(((unit, size) for unit, size in UNITS.items() if seconds % size == 0), ("second", 1.0))
    n = seconds / size
    return f"{n:,g} {unit}{'' if n == 1 else 's'}"


def _by_month(dates: Sequence[datetime]) -> bool:
    """Whether dates go by months (or quarters, or years) in equal steps: all on one day of the month, or all on the
    last day."""
    one_day = len({(date.day, date.time()) for date in dates}) == 1
    last_days = all((date + timedelta(days=1)).day == 1 for date in dates) and len({date.time() for date in dates}) == 1
    months = [12 * date.year + date.month for date in dates]
    return (one_day or last_days) and len({later - earlier for earlier, later in pairwise(months)}) <= 1


def _readings(field: str) -> dict[str, Callable[[str], datetime | None]]:
    """Every way to read a field as a date, by its format."""
    if not COULD_BE.fullmatch(field) and not field.isdecimal():
        return {}
    if _iso(field) is not None:
        return {"ISO 8601": _iso}
    ways: dict[str, Callable[[str], datetime | None]] = {}
    for form in FORMATS:
        if _strptime(field, form) is not None:
            ways[form] = lambda other, form=form: _strptime(other, form)  # type: ignore[misc]
    return ways


def _iso(field: str) -> datetime | None:
    if field.endswith(("UTC", "GMT")):
        field = f"{field[:-3].rstrip()}+00:00"
    try:
        return datetime.fromisoformat(field)
    except ValueError:
        return None


def _strptime(field: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(field, form)
    except ValueError:
        return None


def _in_format(field: str, form: str, where: str) -> datetime:
    try:
        return datetime.strptime(field, form)
    except ValueError as error:
        raise ConfigError(f"task.date_format: {form!r}; {where}: {error}") from None


def _check_zones(dates: Sequence[datetime], where: Callable[[int], str]) -> None:
    """Raise ConfigError where some dates have a time zone and others have none: they have no order."""
    for n, date in enumerate(dates):
        if (date.tzinfo is None) != (dates[0].tzinfo is None):
            has, first = ("a", "none") if date.tzinfo else ("no", "one")
            raise ConfigError(f"{where(n)}: the time has {has} time zone, and the first of the column has {first}")


def _is_plain_number(field: str) -> bool:
    try:
        float(field.replace(",", "."))
    except ValueError:
        return False
    return True
