#!/usr/bin/env python3
"""The simulated company from outside: its files by fastavro, its truth by what the events say.

What is checked here knows nothing of foretell's code: identities are put together from the events'
own links, repeats and broken records are counted, and both are held against the truth files.
"""

import collections
import csv
import hashlib
import json
import os
import resource
import struct
import time

import fastavro

from lib.avro import decode, names_and_waiting
from lib.kafka import decoded
from lib.program import world
from lib.tap import check, diag, run, same, test

TOPICS = ("crm.events", "erp.events", "iot.events", "marketing.events", "support.events",
          "content.events", "market.events")
INPUTS = ("--inputs", ",".join(TOPICS))
SMALL = ("--accounts", "150", "--months", "4", "--seed", "11")
NO_ACCOUNT = ("region", "site")  # schemes of what belongs to nobody


def simulate(line, name, *arguments):
    """Runs it into a folder of that name; returns the folder's path."""
    result = line.bare("simulate", *SMALL, *arguments, "--out", line.path(name))
    same((result.code, result.err), (0, ""), result)
    return line.path(name)


def records(folder, topic):
    with open(os.path.join(folder, topic + ".avro"), "rb") as file:
        yield from fastavro.reader(file)


def table(folder, name):
    with open(os.path.join(folder, "truth", name + ".csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest(folder):
    with open(os.path.join(folder, "truth/manifest.json"), encoding="utf-8") as file:
        return json.load(file)


def digest(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                found[os.path.relpath(os.path.join(root, name), folder)] = hashlib.sha256(
                    file.read()).hexdigest()
    return found


def is_event(record):
    return record["event_id"] != "" and record["source"] != "" and not record[
        "event_id"].endswith(".bad")


def normal(scheme, value):
    return value.lower() if scheme == "email" else value


class Groups:
    """Names that are linked, however far apart (union-find)."""

    def __init__(self):
        self.parent = {}

    def find(self, name):
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            self.parent[name] = self.parent[self.parent[name]]
            name = self.parent[name]
        return name

    def link(self, one, other):
        self.parent[self.find(one)] = self.find(other)


def groups_of(folder):
    """The names that the events link."""
    groups = Groups()
    for topic in TOPICS:
        for record in filter(is_event, records(folder, topic)):
            if record["subject_scheme"] in NO_ACCOUNT:
                continue
            name = (record["subject_scheme"], normal(record["subject_scheme"], record["subject"]))
            groups.find(name)
            for other in record["identifiers"]:
                groups.link(name, (other["scheme"], normal(other["scheme"], other["value"])))
    return groups


@test("the same flags give the same files, another seed others")
def same_files(line):
    first = digest(simulate(line, "first"))
    same(digest(simulate(line, "second")), first, "files")
    other = digest(simulate(line, "third", "--seed", "12"))
    check(all(first[name] != other[name] for name in first), "another seed")
    check("truth/manifest.json" in first and "crm.events.avro" in first, sorted(first))


@test("every record is in the manifest: events, repeats, broken ones", needs=same_files)
def conservation(line):
    folder = line.path("first")
    told = manifest(folder)
    check("simulation" in told["what"] and told["complete"], told["what"])
    broken = collections.Counter(r["topic"] for r in records(folder, "broken"))
    for topic in TOPICS:
        events = collections.Counter()
        invalid = 0
        for record in records(folder, topic):
            if is_event(record):
                events[record["event_id"]] += 1
            else:
                invalid += 1
        counts = told["topics"][topic]
        same(len(events), counts["events"], f"{topic}: events")
        same(sum(events.values()) - len(events), counts["duplicates"], f"{topic}: repeats")
        same(invalid + broken[topic], counts["malformed"], f"{topic}: broken")
        same(counts["records"], counts["events"] + counts["duplicates"] + counts["malformed"],
             f"{topic}: records")
    same(told["total"]["records"], sum(t["records"] for t in told["topics"].values()), "total")
    check(told["total"]["duplicates"] > 100 and told["total"]["malformed"] > 5, told["total"])
    for name, rows in told["truth_rows"].items():
        same(len(table(folder, name)), rows, name)


@test("without planted faults the events' links give exactly the true accounts")
def identities_clean(line):
    folder = simulate(line, "clean", "--clean")
    groups = groups_of(folder)
    accounts = collections.defaultdict(set)
    for row in table(folder, "identities"):
        same(row["link"], "linked", row)
        accounts[row["account"]].add(groups.find((row["scheme"], row["value"])))
    check(all(len(roots) == 1 for roots in accounts.values()), "an account in pieces")
    same(len({root for roots in accounts.values() for root in roots}), len(accounts),
         "accounts that fell together")
    same(len(accounts), 150, "accounts")


@test("with planted faults exactly the planted names are not where they belong")
def identities_planted(line):
    folder = simulate(line, "planted", "--unlinked", "0.05", "--mislinked", "0.05")
    groups = groups_of(folder)
    rows = table(folder, "identities")
    home = {row["account"]: groups.find(("crm.account", row["account"])) for row in rows}
    seen = collections.Counter()
    events = collections.Counter()
    link_of = {}
    for row in rows:
        name = (row["scheme"], row["value"])
        link_of[name] = row["link"]
        root = groups.find(name)
        seen[row["link"]] += 1
        if row["link"] == "linked":
            same(root, home[row["account"]], row)
        elif row["link"] == "unlinked":
            check(root not in home.values(), "linked all the same:", row)
        else:
            same(root, home[row["linked_to"]], row)
            check(root != home[row["account"]], row)
    check(min(seen["unlinked"], seen["mislinked"]) > 5, seen)
    for topic in TOPICS:
        ids = set()
        for record in filter(is_event, records(folder, topic)):
            name = (record["subject_scheme"], normal(record["subject_scheme"], record["subject"]))
            if record["event_id"] not in ids and name[0] not in NO_ACCOUNT:
                events[link_of[name]] += 1
            ids.add(record["event_id"])
    total = manifest(folder)["total"]
    same((events["unlinked"], events["mislinked"]), (total["unlinked"], total["mislinked"]),
         "events under such names")


@test("who left orders no more, and is told of by the truth", needs=identities_clean)
def churn(line):
    folder = line.path("clean")
    left = {row["account"]: row for row in table(folder, "churn")}
    erp = {row["value"]: row["account"] for row in table(folder, "identities")
           if row["scheme"] == "erp.customer"}
    check(len(left) > 3, left)
    same(len(left), manifest(folder)["customers"]["left"], "left")
    orders = collections.Counter()
    for record in records(folder, "erp.events"):
        account = erp.get(record["subject"])
        if record["type"] != "erp.order":
            continue
        orders[account] += 1
        if account in left:
            day = record["event_ms"].strftime("%Y-%m-%d")
            check(day <= left[account]["at"][:10], "an order after leaving", record["event_id"])
    check(len(orders) > 100, len(orders))
    hazards = table(folder, "hazards")
    check(all(0 <= float(r["hazard"]) < 1 for r in hazards), "hazards")
    last = {row["account"]: row["at"] for row in hazards}
    check(all(last[account] == row["at"] for account, row in left.items()),
          "the hazards end when a customer leaves")


@test("at least 200,000 events a second of one core's time")
def rate(line):
    def used():
        times = resource.getrusage(resource.RUSAGE_CHILDREN)
        return times.ru_utime + times.ru_stime

    before = used()
    result = line.bare("simulate", "--accounts", "500", "--out", line.path("fast"))
    took = used() - before
    same(result.code, 0, result)
    events = manifest(line.path("fast"))["total"]["events"]
    diag(f"{events / took:,.0f} events a second of CPU, files written")
    check(events > 500000 and events / took > 200000, events, took)


@test("the truth's probabilities of winning fit what was won")
def opportunities(line):
    result = line.bare("simulate", "--accounts", "1500", "--months", "8", "--clean", "--out",
                       line.path("deals"))
    same(result.code, 0, result)
    rows = [r for r in table(line.path("deals"), "opportunities") if r["won"] != ""]
    foretold = sum(float(r["probability_closed"]) for r in rows)
    won = sum(int(r["won"]) for r in rows)
    spread = sum(float(r["probability_closed"]) * (1 - float(r["probability_closed"]))
                 for r in rows) ** 0.5
    diag(f"{len(rows)} deals closed, {won} won, {foretold:.1f} foretold")
    check(len(rows) > 1000 and abs(won - foretold) < 4 * spread, won, foretold, spread)
    shipments = {r["shipment_id"] for r in table(line.path("deals"), "shipments")}
    told = {r["payload"]["shipment"]["shipment_id"]
            for r in records(line.path("deals"), "erp.events")
            if r["type"] == "erp.shipment.delivered"}
    check(shipments, "no diverted shipment")
    same(shipments - told, set(), "diverted, but never told of")


@test("to Kafka: the records of the files, keyed by their subject; the rest of the line takes them")
def to_kafka(line):
    folder = simulate(line, "kafka-twin", "--duplicates", "0.02")
    line.call("topics", "create", *INPUTS)
    line.call("simulate", *SMALL, "--duplicates", "0.02", "--kafka")
    told = manifest(folder)
    for topic in TOPICS:
        got, broken, ends = collections.Counter(), 0, 0
        for record in line.broker.read(topic):
            try:
                value = decode(record.value)
            except (ValueError, EOFError, KeyError, IndexError, struct.error):
                broken += 1
                continue
            if value.schema == "control":
                same(value["kind"], "END", topic)
                ends += 1
                continue
            same(record.key, value["subject"].encode(), topic)
            got[value["event_id"]] += 1
        files = collections.Counter(r["event_id"] for r in records(folder, topic))
        same(got, files, f"{topic}: events")
        same(broken, sum(r["topic"] == topic for r in records(folder, "broken")),
             f"{topic}: broken")
        same(ends, len(line.broker.partitions(topic)), f"{topic}: ends")
    line.call("run", "--until-end", *INPUTS, "--clock", "data", "--tick.ms", "1d", timeout=120)
    dead = line.broker.read("foretell.dlq")
    same(sum(r.headers["stage"] == b"resolve" for r in dead), told["total"]["malformed"],
         "dead letters")
    log = [r.value for r in decoded(line.broker.read("foretell.account.events"))]
    events = [v for v in log if v.schema == "account_event"]
    names, waiting = names_and_waiting(line.broker.read("foretell.identity.meta"))
    same(sum(n["event_count"] for n in names.values()), told["total"]["events"], "events of names")
    same(sum(n["duplicate_count"] for n in names.values()), told["total"]["duplicates"],
         "repeats that were dropped")
    accounts = line.broker.latest("foretell.accounts").values()
    places = sum(n["event_count"] for key, n in names.items()
                 if key.startswith((b"region:", b"site:")))
    same(sum(a.value["event_count"] for a in accounts) + places + waiting,
         told["total"]["events"], "events in accounts, of places, and those that wait")
    check(sum(v["crm"] is not None for v in events) > 100, "payloads in the log")


@test("at a pace: so many records a second, and a signal ends it")
def follow(line):
    process = line.start("simulate", *SMALL, "--kafka", "--follow", "--rate", "300")
    end = "market.events"
    before = {t: sum(line.broker.ends(t, False).values()) for t in TOPICS}
    time.sleep(4)
    process.send_signal(15)
    same(line.finish(process, 20), 130, line.log_of(process))
    sent = sum(sum(line.broker.ends(t, False).values()) - before[t] for t in TOPICS)
    check(300 <= sent <= 1500, f"{sent} records in about 4 s")
    check("not marked" in line.log_of(process) or "no topic is marked" in line.log_of(process),
          line.log_of(process), end)


@test("--oracle prints the frozen difficulty and the warning curve")
def oracle(line):
    result = line.bare("simulate", "--oracle", "--accounts", "300", "--months", "8", "--futures",
                       "4", timeout=120)
    same((result.code, result.err), (0, ""), result)
    for words in ("A simulation: seed 1", "churn a month", "oracle's AUC, 90 days",
                  "left without a sign", "warning curve", "DE-BY", "regime 1", "satisfaction"):
        check(words in result.out, words, result)


@test("what can't be is refused, with what to do")
def refusals(line):
    cases = [
        (("--accounts", "0"), 2, "--accounts"), (("--months", "121"), 2, "--months"),
        (("--start", "2024-01-02"), 2, "Monday"), (("--late", "2"), 2, "--late"),
        (("--out", "/dev/null/x"), 1, "/dev/null"), (("--rate", "0"), 2, "--rate"),
        (("--kafka", "--months", "60", "--brokers", "127.0.0.1:1"), 2, "--start"),
        (("--oracle", "--accounts", "20001"), 1, "20000"),
    ]
    for arguments, code, word in cases:
        result = line.bare("simulate", *arguments)
        check(result.code == code and word in result.err, word, result)


@test("schemas check: what fits, what does not, and where")
def schemas(line):
    result = line.bare("schemas", "check")
    check(result.code == 0 and "erp_event_v1 reads what erp_event writes" in result.out, result)
    with open(os.path.join(os.environ.get("TEST_ROOT", "."), "schemas/erp_event.avsc"),
              encoding="utf-8") as file:
        text = file.read()
    changed = json.loads(text)
    changed["fields"].append({"name": "added", "type": "string", "default": ""})
    cases = [(json.dumps(changed), 0, "(added is written and not read)")]
    changed["fields"][-1].pop("default")
    cases.append((json.dumps(changed), 4, "added: has no default"))
    cases.append((text.replace('["null", "double"]', '["null", "string"]'), 4,
                  "payload.line.quantity"))
    cases.append(("{", 1, "changed.avsc"))
    for schema, code, words in cases:
        with open(line.path("changed.avsc"), "w", encoding="utf-8") as file:
            file.write(schema)
        result = line.bare("schemas", "check", line.path("changed.avsc"))
        check(result.code == code and words in result.out + result.err, words, result)
    result = line.bare("schemas", "check", "--mode", "sideways")
    check(result.code == 2 and "backward" in result.err, result)
    result = line.bare("schemas", "list")
    check(result.code == 0 and " 30  erp_event" in result.out, result)


if __name__ == "__main__":
    run(world())
