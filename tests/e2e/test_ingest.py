#!/usr/bin/env python3
"""Files of every format into events: what comes out, and that each is sent exactly once however
often it is killed. Files are written by fastavro and json, records are read by confluent-kafka."""

import collections
import json
import os
import random
import signal
import time

import fastavro

from lib.avro import BY_ID, IDS, ROOT
from lib.kafka import decoded
from lib.program import PARTITIONS, world
from lib.tap import check, diag, run, same, test
from lib.watch import await_true

TOPICS = ("crm.events", "erp.events", "iot.events", "marketing.events", "support.events",
          "content.events", "market.events")
INPUTS = ("--inputs", ",".join(TOPICS))
SHOP = os.path.join(ROOT, "mappings/shop.json")
SEED = int(os.environ.get("FORETELL_SEED", "1"))
BIG = 50000  # rows of the files that are killed
KILLS = 3
KILL_AFTER_MAX = 12000  # records; a commit is due every 10000


def start(line):
    line.call("topics", "create", *INPUTS)


def events(line, topic):
    return [r for r in decoded(line.broker.read(topic)) if r.value.schema != "control"]


def order(number, **more):
    row = {"event": f"e{number}", "kind": "sale", "order": f"O-{number}", "total": number / 100,
           "currency": "EUR", "placed_at": "2024-05-31T12:00:00+02:00",
           "customer": {"number": number % 977, "mail": f"m{number % 977}@example.com"}}
    return {**row, **more}


@test("JSON lines by a mapping: paths, numbers, identifiers, payload; bad ones to dlq")
def json_lines(line):
    start(line)
    rows = [order(1, lines=2, wanted_on="2024-06-03", rebate="0.25", shipping={"country": "DE"}),
            order(2, kind="refund", reason="broken", total=19.99)]
    bad = ['{"event": ', "[1]", json.dumps(order(3, total="1.005")),
           json.dumps(order(4, order={"a": 1}))]
    path = line.path("shop.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([json.dumps(rows[0]), *bad, "", json.dumps(rows[1])]))
    result = line.call("ingest", "jsonl", "--map", SHOP, path)
    check("6 rows: 2 events to erp.events, 4 to foretell.dlq" in result.out, result)
    got = {r.value["event_id"]: r for r in events(line, "erp.events")}
    first, second = got["e1"].value, got["e2"].value
    same((first["type"], first["subject"], first["subject_scheme"], got["e1"].key),
         ("erp.order", "1", "erp.customer", b"1"), "whom it is about")
    same((first["amount_minor"], first["currency"], first["event_ms"]),
         (1, "EUR", 1717149600000), "amount and time")
    same(first["identifiers"], [{"scheme": "email", "value": "m1@example.com"}], "identifiers")
    same(first["payload"]["order"],
         {"order_id": "O-1", "site": None, "line_count": 2, "requested_ms": 1717372800000,
          "list_minor": None, "rebate_minor": 25, "opportunity_id": None, "sales_person": None},
         "payload")
    same((second["type"], second["amount_minor"], second["payload"]["returned"]["reason"],
          second["payload"]["order"]), ("erp.return", -1999, "broken", None), "the return")
    dead = {r.value: r.headers for r in line.broker.read("foretell.dlq")}
    same(set(dead), {text.encode() for text in bad}, "dead letters, byte for byte")
    same([dead[t.encode()]["error"] for t in bad],
         [b"JSON_SYNTAX", b"JSON_OBJECT", b"EVENT_AMOUNT", b"JSON_COLUMN"], "errors")
    check(b"row 2 (line 2)" in dead[bad[0].encode()]["reason"], dead[bad[0].encode()])


@test("JSON lines of events themselves, against their schema", needs=json_lines)
def json_events(line):
    event = {"event_id": "t1", "source": "desk", "type": "support.ticket.opened", "subject": "7",
             "event_ms": "2024-05-31T12:00:00Z", "payload": {"ticket": {"ticket_id": "T-1"}}}
    wrong = {**event, "payload": {"ticket": {"ticket_id": "T-2", "prioritty": "high"}}}
    path = line.path("tickets.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n" + json.dumps(wrong) + "\n")
    result = line.call("ingest", "jsonl", "--topic", "support.events", path)
    check("1 events to support.events, 1 to foretell.dlq" in result.out, result)
    same(events(line, "support.events")[0].value["payload"]["ticket"]["ticket_id"], "T-1", "id")
    reasons = [r.headers["reason"] for r in line.broker.read("foretell.dlq")]
    check(any(b'payload.ticket.prioritty: there is no such field; did you mean "priority"' in r
              for r in reasons), reasons)


def foreign_container(path, codec):
    schema = fastavro.parse_schema({
        "type": "record", "name": "Reading", "fields": [
            {"name": "meter", "type": "string"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "measured", "type": {"type": "record", "name": "Measured", "fields": [
                {"name": "kwh", "type": "double"}, {"name": "flags", "type": ["null", "int"]}]}}]})
    rows = [{"meter": f"m{i % 7}", "at": 1717149600000 + i,
             "measured": {"kwh": i / 8, "flags": None}} for i in range(5000)]
    with open(path, "wb") as file:
        fastavro.writer(file, schema, rows, codec=codec, sync_interval=4000)


METERS = {"topic": "iot.events", "schema": "iot_event", "source": "meters", "type": "iot.reading",
          "subject": {"column": "meter", "scheme": "iot.device"},
          "time": {"column": "at", "format": "unix_ms"}, "name": "energy", "unit": "KWH",
          "value": {"column": "/measured/kwh"}}


@test("a foreign Avro container by a mapping, in each codec; what it can't unpack is said")
def container(line):
    with open(line.path("meters.json"), "w", encoding="utf-8") as file:
        json.dump(METERS, file)
    for codec in ("null", "deflate"):
        path = line.path(f"{codec}.avro")
        foreign_container(path, codec)
        result = line.call("ingest", "avro", "--map", line.path("meters.json"), path)
        check("5000 rows: 5000 events to iot.events" in result.out, result)
    same(sum(r.value["value"] for r in events(line, "iot.events")), 2 * sum(range(5000)) / 8,
         "values")
    result = line.call("ingest", "avro", path, code=1)
    check('"Reading"' in result.err and "--map" in result.err, result)
    with open(path, "r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.truncate()
    result = line.call("ingest", "avro", "--map", line.path("meters.json"), path, code=1)
    check("it ends within a block" in result.err, result)
    # what was sent of it is given up at once, and holds up no reader
    await_true("no transaction is left open", lambda: line.broker.ends(
        "iot.events", committed=True) == line.broker.ends("iot.events", committed=False), 10)
    same(len(events(line, "iot.events")), 10000, "events, none of the broken file")


@test("the simulated company's own files, straight; broken values to dlq, nothing lost")
def own_files(line):
    line.bare("simulate", "--seed", "5", "--accounts", "60", "--months", "3", "--out",
              line.path("company"))
    before = len(line.broker.read("foretell.dlq"))
    with open(line.path("company/truth/manifest.json"), encoding="utf-8") as file:
        told = json.load(file)["topics"]
    rows = dead = 0
    for topic in TOPICS:
        had = len(events(line, topic))
        result = line.call("ingest", "avro", line.path(f"company/{topic}.avro"))
        with open(line.path(f"company/{topic}.avro"), "rb") as file:
            records = list(fastavro.reader(file))
        sent = [r.value for r in events(line, topic)]
        rows += len(records)
        words = result.out.split()
        same(int(words[0]), len(records), topic)
        same(len(sent) - had + int(words[6]), len(records),
             f"{topic}: events and dead letters, {had} before; {result}")
        dead += int(words[6])
        source = records[0]["source"]
        ids = collections.Counter(v["event_id"] for v in sent if v["source"] == source)
        check(all(ids[r["event_id"]] > 0 for r in records if r["source"] and
                  r["event_id"] and not r["event_id"].endswith(".bad")), f"{topic}: ids")
        check(len(ids) >= told[topic]["events"], topic, len(ids), told[topic])
    same(len(line.broker.read("foretell.dlq")) - before, dead, "dead letters")
    check(rows > 20000 and dead > 0, rows, dead)


def big_files(line):
    """(format, flags, path) of a file of BIG rows in each format."""
    with open(line.path("big.csv"), "w", encoding="utf-8") as file:
        file.write("customer,time,amount,quantity,country\n")
        file.writelines(f"c{i % 977},{1717149600000 + i},{i}.00,1,DE\n" for i in range(BIG))
    with open(line.path("big.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(order(i)) + "\n" for i in range(BIG))
    name, schema = BY_ID[IDS["iot_event"]]
    same(name, "iot_event", "schema")
    rows = ({"event_id": f"r{i}", "source": "iot", "type": "iot.reading", "subject": f"d{i % 977}",
             "event_ms": 1717149600000 + i, "name": "load", "value": float(i), "unit": "KWT"}
            for i in range(BIG))
    with open(line.path("big.avro"), "wb") as file:
        fastavro.writer(file, schema, rows)
    orders = os.path.join(ROOT, "tests/e2e/data/orders.json")
    return (("csv", ("--map", orders), "big.csv"), ("jsonl", ("--map", SHOP), "big.jsonl"),
            ("avro", (), "big.avro"))


def await_records(line, process, topic, count):
    """Until there are `count` records more, committed or not, or the process has ended: what is
    killed by the clock is killed too late by a fast machine."""
    def end():
        return sum(line.broker.ends(topic, committed=False).values())
    target = end() + count
    while end() < target and process.poll() is None:
        time.sleep(0.001)


@test("killed again and again, started again: every row once, in each format")
def killed(line):
    chance = random.Random(SEED)
    diag(f"FORETELL_SEED={SEED}")
    for number, (kind, flags, name) in enumerate(big_files(line)):
        topic = ("crm.events", "erp.events", "iot.events")[number]
        line.call("topics", "create", "--inputs", f"{kind}.{topic}")
        command = ("ingest", kind, *flags, "--topic", f"{kind}.{topic}", line.path(name))
        kills = lives = 0
        while True:
            process = line.start(*command)
            lives += 1
            if kills < KILLS:
                await_records(line, process, f"{kind}.{topic}", chance.randrange(KILL_AFTER_MAX))
            if kills < KILLS and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            if line.finish(process) == 0:
                break
            check(lives < 60, line.log_of(process))
        log = line.log_of(process)
        diag(f"{kind}: killed {kills} times; {log.strip().splitlines()[-2:]}")
        check(kills > 0, "killed too late")
        result = line.call(*command)
        check("was sent before" in result.out, result)
        records = decoded(line.broker.read(f"{kind}.{topic}"))
        sent = collections.Counter(r.value["event_id"] for r in records
                                   if r.value.schema != "control")
        same((len(sent), max(sent.values())), (BIG, 1), f"{kind}: events, and repeats of one")
        same(sum(r.value.schema == "control" for r in records), PARTITIONS, f"{kind}: ends")


@test("interrupted: the position is kept, and the end is not marked", needs=killed)
def interrupted(line):
    line.call("topics", "create", "--inputs", "stop.erp.events")
    command = ("ingest", "jsonl", "--map", SHOP, "--topic", "stop.erp.events",
               line.path("big.jsonl"))
    process = line.start(*command)
    end = time.monotonic() + 30
    while not line.broker.read("stop.erp.events") and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code = line.finish(process)
    had = decoded(line.broker.read("stop.erp.events"))
    check(code in (0, 130), code, line.log_of(process))
    result = line.call(*command)
    after = decoded(line.broker.read("stop.erp.events"))
    same(sum(r.value.schema == "control" for r in after), PARTITIONS, "ends")
    same(len(after), BIG + PARTITIONS, "records")
    if code == 130:
        same([r for r in had if r.value.schema == "control"], [], "ends of an interrupted run")
        check("were there already" in result.out, result)


if __name__ == "__main__":
    run(world())
