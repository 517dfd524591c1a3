"""Two applications' outputs held against each other, byte by byte, without foretell's own diff."""

import collections

from lib.avro import IDS, frame
from lib.tap import check, same

STREAMS = ("alerts", "scores", "forecasts", "forecast.accuracy", "account.events")
TABLES = ("accounts", "forecast.series")
UNSTABLE = {"lsn"}  # an offset
# In how many steps a clock moves depends on the turns of its writers.
CONTROL = frame(IDS["control"], b"")


def stable(record):
    return record.value, tuple(sorted((k, v) for k, v in record.headers.items()
                                      if k not in UNSTABLE))


def snapshot(broker, app):
    """{topic: {(partition, key): its values in order}}; of a table only the latest, none if
    deleted. A tick has the same key in every partition, and only there an order."""
    topics = {}
    for logical in STREAMS + TABLES:
        keys = topics[logical] = collections.defaultdict(list)
        for record in broker.read(f"{app}.{logical}"):
            if record.value is not None and record.value.startswith(CONTROL):
                continue
            place = record.partition, record.key
            if logical in TABLES:
                keys[place].clear()
            if logical in STREAMS or record.value is not None:
                keys[place].append(stable(record))
        check(keys, f"{app}.{logical} is empty")
    return topics


def differing_keys(one, two):
    return [key for key in sorted(set(one) | set(two), key=repr)
            if one.get(key, []) != two.get(key, [])]


def check_equal_outputs(expected, broker, app):
    """Each key's sequence of values in every stream, the latest value in every table."""
    found = snapshot(broker, app)
    for logical, keys in expected.items():
        differing = differing_keys(keys, found[logical])
        for key in differing[:1]:
            a, b = keys.get(key, []), found[logical].get(key, [])
            place = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            check(False, f"{app}.{logical}: {len(differing)} keys differ; {key!r} has "
                  f"{len(b)} records instead of {len(a)}, the first difference is at {place}: "
                  f"{b[place:place + 1]!r} instead of {a[place:place + 1]!r}")
        same(len(found[logical]), len(keys), f"keys of {app}.{logical}")
