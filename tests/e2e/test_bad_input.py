#!/usr/bin/env python3
"""Bad input: whatever comes in, each record is an event or a dead letter, never both or neither."""

import collections
import hashlib
import time

from lib import orders
from lib.avro import IDS, encode, frame
from lib.kafka import decoded
from lib.program import PARTITIONS, world
from lib.tap import check, diag, run, same, test

APP = "bad"
DLQ, LOG = APP + ".dlq", APP + ".account.events"
NOW_MS = int(time.time() * 1000)
DAY_MS = orders.DAY_MS
EVENT_LEN_MAX = 64 * 1024 - 1024


def event(serial, **changes):
    return {"event_id": f"e{serial}", "source": "shop", "type": "erp.order",
            "subject": f"acct-{serial % 7}", "event_ms": NOW_MS - 40 * DAY_MS + serial * 1000,
            "trace_id": None, "amount_minor": 1000 + serial, "currency": "EUR", "quantity": 1,
            "attrs": {"country": "Chile"}, **changes}


def good(serial, **changes):
    return encode("erp_event", event(serial, **changes))


def sized(serial, length):
    """A good event whose value has so many bytes."""
    text_len = length
    while True:
        value = good(serial, payload={"order": {"order_id": "x" * text_len}})
        if len(value) == length:
            return value
        text_len -= len(value) - length


def control(kind, at_ms):
    return encode("control", {"kind": kind, "writer": "test", "at_ms": at_ms, "ingest_ms": 0,
                              "inputs": []})


def invalid_utf8():
    """A good event with a byte of its subject that no UTF-8 text can have."""
    value = good(1, subject="acct-XYZ")
    return value.replace(b"acct-XYZ", b"acct-\xff\xc0Z")


def bad_records():
    """[(name, error code, key, value)]"""
    whole = good(500)
    key = b"acct-1"
    rows = [
        ("wrong magic", "WIRE_MAGIC", key, b"\x01" + whole[1:]),
        ("no frame at all", "WIRE_MAGIC", key, b'{"event_id": "json"}'),
        ("unknown schema id", "SCHEMA_ID_UNKNOWN", key, frame(4242, whole[5:])),
        ("a known schema that is no event", "RECORD_UNEXPECTED", key,
         frame(IDS["alert"], whole[5:])),
        ("empty value", "WIRE_TRUNCATED", key, b""),
        ("null value", "WIRE_TRUNCATED", key, None),
        ("trailing byte", "AVRO_TRAILING", key, whole + b"\x00"),
        ("trailing event", "AVRO_TRAILING", key, whole + whole),
        ("time in the year 1800", "TIME_ABSURD", key, good(501, event_ms=-5364662400000)),
        ("time in microseconds", "TIME_ABSURD", key, good(502, event_ms=NOW_MS * 1000)),
        ("greatest time", "TIME_ABSURD", key, good(503, event_ms=2 ** 63 - 1)),
        ("least time", "TIME_ABSURD", key, good(504, event_ms=-2 ** 63)),
        ("time in an hour", "TIME_FUTURE", key, good(505, event_ms=NOW_MS + 3600000)),
        ("time in 2099", "TIME_FUTURE", key, good(506, event_ms=4070908800000)),
        ("negative quantity", "QUANTITY_NEGATIVE", key, good(507, quantity=-1)),
        ("least quantity", "QUANTITY_NEGATIVE", key, good(508, quantity=-2 ** 63)),
        ("oversized", "RECORD_TOO_LARGE", key, good(509, attrs={"a": "x" * 1000100})),
        ("oversized garbage", "RECORD_TOO_LARGE", key, b"\xff" * 1040000),
        ("larger than the line can write on", "RECORD_TOO_LARGE", key,
         sized(519, EVENT_LEN_MAX + 1)),
        ("much larger than the line can write on", "RECORD_TOO_LARGE", key, sized(520, 700000)),
        ("large attribute", "EVENT_FIELD", key, good(510, attrs={"a": "x" * 600})),
        ("seventeen attributes", None, key, good(511, attrs={f"a{i}": "x" for i in range(17)})),
        ("empty key", "KEY_EMPTY", b"", good(512)),
        ("null key", "KEY_EMPTY", None, good(513)),
        ("invalid UTF-8", "AVRO_UTF8", key, invalid_utf8()),
        ("amount without currency", "CURRENCY_INVALID", key, good(514, currency=None)),
        ("currency in small letters", "CURRENCY_INVALID", key, good(515, currency="eur")),
        ("empty subject", "EVENT_FIELD", key, good(516, subject="")),
        ("subject of 129 bytes", "EVENT_FIELD", key, good(517, subject="s" * 129)),
        ("empty event id", "EVENT_FIELD", key, good(518, event_id="")),
        ("a tick in an input", "CONTROL_UNEXPECTED", key, control("TICK", NOW_MS - DAY_MS)),
        ("a set of inputs in an input", "CONTROL_UNEXPECTED", key, control("INPUTS", 0)),
        ("an end in the future", "CONTROL_UNEXPECTED", key, control("END", NOW_MS + 3 * DAY_MS)),
        ("an end of absurd time", "CONTROL_UNEXPECTED", key, control("END", -2 ** 63)),
    ]
    for length in (1, 4, 5, 6, 9, 20, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        code = "WIRE_TRUNCATED" if length < 5 else "AVRO_TRUNCATED"
        rows.append((f"truncated to {length} bytes", code, key, whole[:length]))
    return rows


BAD = bad_records()


def mixed_input():
    """[(key, value, partition)]: each bad record between good ones of its partition, of which the
    first is as large as it may be."""
    records = []
    for index, (_, _, key, value) in enumerate(BAD):
        partition = index % PARTITIONS
        first = good(2 * index) if index > 0 else sized(0, EVENT_LEN_MAX)
        records.append((f"acct-{2 * index % 7}".encode(), first, partition))
        records.append((key, value, partition))
        records.append((f"acct-{(2 * index + 1) % 7}".encode(), good(2 * index + 1), partition))
    return records


@test("the line takes bad records and goes on to the end")
def takes_bad_input(line):
    line.create_topics(APP)
    records = mixed_input()
    line.places = line.broker.produce("erp.events", records)
    line.broker.produce("erp.events", [(b"end", control("END", NOW_MS - DAY_MS), p)
                                       for p in range(PARTITIONS)])
    line.run_history(APP)
    line.dead = {(int(r.headers["partition"]), int(r.headers["offset"])): r
                 for r in line.broker.read(DLQ)}
    diag(f"{len(BAD)} bad records among {len(records)}")


def add_case(number, name, code):
    @test(f"dead letter: {name}", needs=takes_bad_input)
    def case(line):
        place = line.places[3 * number + 1]
        check(place in line.dead, "is not in the dlq")
        record = line.dead[place]
        _, _, key, value = BAD[number]
        check(record.value == value, f"another value: {record.value!r:.200}")
        same(record.key, key, "key")
        same(record.partition, place[0], "partition in the dlq")
        headers = {k: v.decode() for k, v in record.headers.items()}
        same(sorted(headers), ["error", "offset", "partition", "reason", "stage", "topic"],
             "headers")
        same((headers["topic"], headers["stage"]), ("erp.events", "resolve"), "topic and stage")
        check(len(headers["reason"]) > 8, headers)
        if code is not None:
            same(headers["error"], code, f"error ({headers['reason']})")


for index, (bad_name, bad_code, _, _) in enumerate(BAD):
    add_case(index, bad_name, bad_code)


@test("conservation: records in = events + dead letters + ends", needs=takes_bad_input)
def conservation(line):
    records = line.broker.read("erp.events")
    log = [r.value for r in decoded(line.broker.read(LOG)) if r.value.schema == "account_event"]
    dead = line.broker.read(DLQ)
    same(len(log) + len(dead) + PARTITIONS, len(records), "events, dead letters and ends")
    same(len(line.dead), len(dead), "each dead letter has another origin")
    same(len(dead), len(BAD), "dead letters")
    same(collections.Counter(v["event_id"] for v in log),
         collections.Counter(f"e{i}" for i in range(2 * len(BAD))), "every good event once")
    latest = line.broker.latest(APP + ".accounts")
    same(sum(r.value["event_count"] for r in latest.values()), 2 * len(BAD), "events in accounts")
    same(sum(r.value["order_sum_minor"] for r in latest.values()),
         sum(1000 + i for i in range(2 * len(BAD))), "sum in accounts")


@test("records up to ten minutes ahead are taken, and do not make others late",
      needs=conservation)
def slightly_ahead(line):
    now_ms = int(time.time() * 1000)
    line.broker.produce("erp.events", [
        (b"acct-1", good(900, event_ms=now_ms + 300000), 0),
        (b"acct-1", good(901, event_ms=now_ms), 0)])
    line.run_history(APP)
    late = {r.value["event_id"]: r.value["late"] for r in decoded(line.broker.read(LOG))
            if r.value.schema == "account_event" and r.value["event_id"] in ("e900", "e901")}
    same(late, {"e900": False, "e901": False}, "late")


@test("a late event is taken, marked and counted, and takes effect at its writer's clock",
      needs=conservation)
def late_event(line):
    line.broker.produce("erp.events", [(b"acct-1", good(902), 0)])
    line.run_history(APP)
    value = next(r.value for r in decoded(line.broker.read(LOG))
                 if r.value.schema == "account_event" and r.value["event_id"] == "e902")
    check(value["late"] and value["effective_ms"] > value["event_ms"], value)
    same(value["effective_ms"] % DAY_MS, 0, "effective_ms is a tick")
    latest = line.broker.latest(APP + ".accounts")
    # event 902 is an order of acct-6, whatever its record's key says
    same(latest[b"acct-6"].value["late_count"], 1, "late_count")


@test("poison in the line's own logs goes to the dlq of the stage that reads it",
      needs=late_event)
def poison_inside(line):
    before = len(line.broker.read(DLQ))
    poison = [(b"acct-1", b"\x00garbage", 1), (b"acct-1", None, 2),
              (b"acct-1", control("TICK", NOW_MS), 3)]
    line.broker.produce(LOG, poison)
    line.broker.produce(APP + ".series.points", [(b"revenue.day", b"\x00\x00\x00\x00\x0c\x02", 1)])
    line.broker.produce("erp.events", [(b"acct-2", good(903), 1)])
    line.run_history(APP)
    dead = line.broker.read(DLQ)
    inside = [r for r in dead if r.headers["stage"] != b"resolve"]
    same(sorted((r.headers["stage"], r.headers["topic"], r.value) for r in inside
                if r.value is not None),
         sorted([(b"account", LOG.encode(), poison[0][1]), (b"account", LOG.encode(),
                                                            poison[2][1]),
                 (b"forecast", (APP + ".series.points").encode(), b"\x00\x00\x00\x00\x0c\x02")]),
         "dead letters")
    same(len(dead) - before, 4, "new dead letters")
    check("e903" in {r.value["event_id"] for r in
                     (r._replace(value=v) for r, v in safe_values(line))}, "the line goes on")


def safe_values(line):
    for record in line.broker.read(LOG):
        if record.value is None or record.value == b"\x00garbage":
            continue
        value = decoded([record])[0].value
        if value.schema == "account_event":
            yield record, value


# ---- rows of a file ----------------------------------------------------------------------

BAD_ROWS = {
    b"acct-1,not a time,12.00,1,Chile": "EVENT_TIME",
    b"acct-1,852076800000,12.005,1,Chile": None,
    b"acct-1,852076800000,twelve,1,Chile": None,
    b"acct-1,852076800000,12.00,-3,Chile": None,
    b"acct-1,852076800000,12.00,1.5,Chile": None,
    b",852076800000,12.00,1,Chile": None,
    b"acct-1,852076800000,12.00,1": None,
    b"acct-1,852076800000,12.00,1,Chile,more": None,
    b'"acct-1,852076800000,12.00,1,Chile': None,
    b"acct-\xff\xfe,852076800000,12.00,1,Chile": None,
    b"acct-1,852076800000,99999999999999999999.00,1,Chile": None,
    b"acct-1,852076800000,12.00,1," + b"x" * 600: None,
}


@test("ingest: rows in = events + dead letters, each bad row as it stood")
def bad_rows(line):
    app = "rows"
    line.create_topics(app)
    before = len(line.broker.read("erp.events"))
    rows = orders.make_orders(20, 60, seed=3)
    lines = [orders.HEADER.encode()]
    bad = list(BAD_ROWS)
    for index, row in enumerate(rows):
        lines.append(orders.row_text(row).encode())
        if index < len(bad):
            lines.append(bad[index])
    path = line.path("rows.csv")
    with open(path, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    result = line.ingest(path, app)
    check(f"{len(rows) + len(bad)} rows: {len(rows)} events" in result.out, result.out)
    dead = line.broker.read(app + ".dlq")
    same(collections.Counter(r.value for r in dead), collections.Counter(bad), "dead letters")
    for record in dead:
        same((record.headers["stage"], record.headers["topic"], record.headers["partition"]),
             (b"ingest", b"erp.events", b"-1"), "headers")
        row = int(record.headers["offset"])
        same(lines[row], record.value, "the header offset is the row's number")
        expected = BAD_ROWS[record.value]
        check(record.headers["reason"].startswith(b"rows.csv: row %d " % row), record.headers)
        check(expected is None or record.headers["error"].decode() == expected, record.headers)
    events = line.broker.read("erp.events")
    same(len(events) - before, len(rows) + PARTITIONS, "events and ends")


@test("ingest: a row too long for a record is stood for by its length and SHA-256", needs=bad_rows)
def long_row(line):
    app = "longrow"
    line.create_topics(app)
    row = b"acct-1,852076800000,12.00,1," + b"x" * 1500000
    path = line.path("longrow.csv")
    with open(path, "wb") as file:
        file.write(orders.HEADER.encode() + b"\n" + row + b"\nacct-1,852076800000,2.00,1,Chile\n")
    result = line.ingest(path, app)
    check("2 rows: 1 events" in result.out, result.out)
    record, = line.broker.read(app + ".dlq")
    same((record.value, record.headers["length"], record.headers["sha256"]),
         (None, str(len(row)).encode(), hashlib.sha256(row).hexdigest().encode()), "stand-in")


@test("ingest: a wrong mapping sends nothing and says what is wrong", needs=bad_rows)
def bad_mapping(line):
    before = line.broker.ends("erp.events", committed=False)
    path = line.path("mapping.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"topic": "erp.events", "schema": "erp_event", "source": "s", '
                   '"type": "erp.order", "subject": {"column": "nobody"}, '
                   '"time": {"column": "time", "format": "unix_ms"}}')
    result = line.call("ingest", "csv", "--map", path, line.path("rows.csv"), app="rows", code=None)
    check(result.code in (1, 2) and "nobody" in result.err and "customer" in result.err, result)
    same(line.broker.ends("erp.events", committed=False), before, "ends of erp.events")
    dead = len(line.broker.read("rows.dlq"))
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"topic": "erp.events", "schema": "erp_event", "source": "s", '
                   '"type": "erp.order", "subject": {"column": "customer"}, '
                   '"time": {"column": "time", "format": "%d.%m.%Y"}}')
    result = line.call("ingest", "csv", "--map", path, line.path("rows.csv"), app="rows", code=1)
    check("none of the first" in result.err and "nothing was sent" in result.err and
          "row 1 (line 2): column \"time\"" in result.err, result)
    same(len(line.broker.read("rows.dlq")), dead, "dead letters")


if __name__ == "__main__":
    run(world())
