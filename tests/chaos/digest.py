"""Two applications' outputs held against each other, one pass a topic, nothing of foretell's code.

Of a stream, each key's sequence of (value, stable headers) is compared, as a running hash; of a
table, each key's last value. `series.points` is written by several partitions at once, so of its
keys the values are compared whatever their order, and its ticks are left out: how many steps a
clock takes, and who brings them, depends on how partitions were interleaved.
"""

import collections
import hashlib
import time
import uuid

from confluent_kafka import Consumer, KafkaError, TopicPartition

from lib.avro import IDS, frame
from lib.compare import UNSTABLE
from lib.kafka import BEGIN, Record
from lib.tap import check

STREAMS = ("account.events", "alerts", "scores", "forecasts", "forecast.accuracy")
BAGS = ("series.points", "dlq")
TABLES = ("accounts", "forecast.series")
SILENCE_S_MAX, TRIES = 20, 3
# In how many steps a clock moves depends on the turns of its writers.
CONTROL = frame(IDS["control"], b"")


def reader(broker, topic, isolation, nexts):
    """A new consumer of these partitions, from these offsets on."""
    consumer = Consumer({
        "bootstrap.servers": broker.address, "group.id": f"digest-{uuid.uuid4()}",
        "isolation.level": isolation, "enable.auto.commit": False, "auto.offset.reset": "error",
        "enable.partition.eof": True, "fetch.message.max.bytes": 4 << 20,
        "queued.max.messages.kbytes": 32768, "log_level": 0})
    consumer.assign([TopicPartition(topic, p, offset) for p, offset in nexts.items()])
    return consumer


def stream(broker, topic, isolation="read_committed"):
    """Every record of `topic` up to its end, without keeping them. One that hears nothing for long
    begins anew where it is: see load.Load."""
    left = {partition: BEGIN for partition in broker.partitions(topic)}
    consumer, heard, tries = reader(broker, topic, isolation, left), time.monotonic(), 1
    try:
        while left:
            for message in consumer.consume(5000, 0.2):
                heard, tries = time.monotonic(), 1
                if message.error() is None:
                    left[message.partition()] = message.offset() + 1
                    yield Record(message.partition(), message.offset(), message.key(),
                                 message.value(), dict(message.headers() or []),
                                 message.timestamp()[1])
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    left.pop(message.partition(), None)
                else:
                    raise RuntimeError(f"{topic}: {message.error()}")
            if time.monotonic() - heard <= SILENCE_S_MAX:
                continue
            if tries == TRIES:
                raise TimeoutError(f"{topic}: no end of {sorted(left)} in sight")
            consumer.close()
            consumer, heard = reader(broker, topic, isolation, left), time.monotonic()
            tries += 1
    finally:
        consumer.close()


def hashed(record, unstable=frozenset(UNSTABLE)):
    """16 bytes that stand for the value and the headers that a replay must repeat."""
    whole = hashlib.blake2b(digest_size=16)
    whole.update(b"-" if record.value is None else b"+" + record.value)
    for name in sorted(record.headers):
        if name not in unstable:
            value = record.headers[name] or b""
            whole.update(f"|{name}|{len(value)}|".encode() + value)
    return whole.digest()


def digest_stream(broker, topic):
    """{key: (count, hash of the sequence)}"""
    keys = {}
    for record in stream(broker, topic):
        if record.value is not None and record.value.startswith(CONTROL):
            continue
        count, chain = keys.get(record.key, (0, b""))
        keys[record.key] = count + 1, hashlib.blake2b(chain + hashed(record),
                                                      digest_size=16).digest()
    return keys


def digest_bag(broker, topic):
    """{key: (count, sum of the hashes)}: the order does not count."""
    # What a dead letter says of its place is the same in both: they read the same topics, but for
    # the application's name.
    unstable = frozenset(UNSTABLE | {"topic", "offset"})
    keys = {}
    for record in stream(broker, topic):
        if record.value is not None and record.value.startswith(CONTROL):
            continue
        count, total = keys.get(record.key, (0, 0))
        one = int.from_bytes(hashed(record, unstable), "big")
        keys[record.key] = count + 1, (total + one) % (1 << 128)
    return keys


def digest_table(broker, topic):
    """{key: hash of the last value}; keys that were deleted are absent."""
    keys = {}
    for record in stream(broker, topic):
        if record.value is None:
            keys.pop(record.key, None)
        else:
            keys[record.key] = hashed(record)
    return keys


def digest(broker, app):
    """{logical topic: {key: digest}}"""
    result = {}
    for logicals, read in ((STREAMS, digest_stream), (BAGS, digest_bag), (TABLES, digest_table)):
        for logical in logicals:
            result[logical] = read(broker, f"{app}.{logical}")
    return result


def describe_difference(broker, logical, key, one, other):
    """Where the sequences of one key part, for a person."""
    found = {}
    for app in (one, other):
        found[app] = [(r.partition, r.offset, r.value, sorted(r.headers.items()))
                      for r in stream(broker, f"{app}.{logical}") if r.key == key]
    pairs = list(zip(found[one], found[other]))
    place = next((i for i, (a, b) in enumerate(pairs)
                  if (a[2], [h for h in a[3] if h[0] not in UNSTABLE]) !=
                  (b[2], [h for h in b[3] if h[0] not in UNSTABLE])), len(pairs))
    lines = [f"{logical} {key!r}: {len(found[one])} records in {one}, {len(found[other])} in "
             f"{other}; the first difference at {place}:"]
    for app in (one, other):
        lines += [f"    {app}: {r!r:.600}" for r in found[app][place:place + 2]]
    return "\n".join(lines)


def differences(broker, app, expected_app, ours=None, expected=None, free=lambda *_: False):
    """[(logical, keys that differ, of how many, description of the first)]; those that are
    `free`(logical, key) may."""
    ours = digest(broker, app) if ours is None else ours
    expected = digest(broker, expected_app) if expected is None else expected
    result = []
    for logical, keys in expected.items():
        differing = [key for key in sorted(set(keys) | set(ours[logical]), key=repr)
                     if keys.get(key) != ours[logical].get(key) and not free(logical, key)]
        if differing:
            result.append((logical, len(differing), len(keys), describe_difference(
                broker, logical, differing[0], app, expected_app)))
    for logical in ("account.events", "accounts", "alerts", "scores", "forecasts"):
        check(expected[logical], f"{expected_app}.{logical} is empty: nothing would be proven")
    return result


def counts(broker, topic, isolation="read_committed"):
    """Records that can be read."""
    return sum(1 for _ in stream(broker, topic, isolation))


def repeated(values):
    return [value for value, count in collections.Counter(values).items() if count > 1]
