"""Two applications' outputs held against each other, byte by byte, without foretell's own diff."""

import collections

from lib.tap import check, same

STREAMS = ("alerts", "scores", "forecasts", "forecast.accuracy", "account.events")
TABLES = ("accounts", "forecast.series")
UNSTABLE = {"lsn"}  # an offset


def stable(record):
    return record.value, tuple(sorted((k, v) for k, v in record.headers.items()
                                      if k not in UNSTABLE))


def by_key(records):
    keys = collections.defaultdict(list)
    for record in records:
        keys[record.key].append(stable(record))
    return keys


def first_difference(one, two):
    for key in sorted(set(one) | set(two), key=repr):
        if one.get(key) != two.get(key):
            a, b = one.get(key) or [], two.get(key) or []
            place = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            return f"key {key!r}: {len(a)} and {len(b)} records, first difference at {place}: " \
                   f"{a[place:place + 1]!r} and {b[place:place + 1]!r}"
    return None


def latest(records):
    table = {}
    for record in records:
        table[record.key] = stable(record)
    return {key: pair for key, pair in table.items() if pair[0] is not None}


def check_equal_outputs(broker, one, two, streams=STREAMS):
    """Each key's sequence of values in every stream, the latest value in every table."""
    for logical in streams:
        sides = [by_key(broker.read(f"{app}.{logical}")) for app in (one, two)]
        same(first_difference(*sides), None, logical)
        check(sides[0], f"{logical} is empty")
    for logical in TABLES:
        sides = [latest(broker.read(f"{app}.{logical}")) for app in (one, two)]
        differing = [key for key in set(sides[0]) | set(sides[1])
                     if sides[0].get(key) != sides[1].get(key)]
        same(differing[:5], [], f"keys of {logical} that differ")
        check(sides[0], f"{logical} is empty")
