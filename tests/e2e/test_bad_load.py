#!/usr/bin/env python3
"""Poison, oversized and late records at full load: a large log of which a sixth is bad is read as
fast as it can be, and each record is an event or a dead letter, once."""

import collections
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import digest, load  # noqa: E402  (after the path)
from lib.avro import decode  # noqa: E402
from lib.program import PARTITIONS, world  # noqa: E402
from lib.tap import check, diag, run, same, test  # noqa: E402

APP, INPUT = "dirty", "erp.events"
EVENTS, DAYS, SEED, POISON_EVERY = 30000, 200, 3, 7


@test("a log full of bad records is processed to its end")
def process(line):
    line.create_topics(APP)
    line.rows = load.make_rows(EVENTS, DAYS, SEED)
    line.sent = load.Load(line.broker.address, line.rows, 0, POISON_EVERY)
    line.sent.write()
    line.broker.produce(INPUT, [(b"end", load.end_of_input(line.rows[-1].time_ms + load.DAY_MS), p)
                                for p in range(PARTITIONS)])
    began = time.monotonic()
    line.run_history(APP, timeout=150)
    seconds = time.monotonic() - began
    total = len(line.sent.event_ids) + line.sent.poison_count
    diag(f"{total} records, {line.sent.poison_count} of them poison, in {seconds:.1f} s: "
         f"{total / seconds:.0f}/s")


@test("each event once, and the late ones are marked", needs=process)
def events(line):
    found, late = collections.Counter(), set()
    for record in digest.stream(line.broker, f"{APP}.account.events"):
        value = decode(record.value)
        if value.schema == "account_event":
            found[value["event_id"]] += 1
            if value["late"]:
                late.add(value["event_id"])
    sent = collections.Counter(line.sent.event_ids)
    same((sorted(sent - found)[:5], sorted(found - sent)[:5]), ([], []), "lost, twice or unknown")
    behind = {name for name in sent if name.startswith("late")}
    check(late <= behind, f"not late: {sorted(late - behind)[:5]}")
    # those of the first 40 days have no clock before them yet
    check(len(late) > len(behind) * .6, f"{len(late)} of {len(behind)} are marked late")
    diag(f"{len(found)} events, {len(late)} late")


@test("each bad record is a dead letter, once, byte for byte, under its place", needs=process)
def dead_letters(line):
    bad = {(record.partition, record.offset): record.value
           for record in digest.stream(line.broker, INPUT) if load.is_poison(record.value)}
    same(len(bad), line.sent.poison_count, "bad records in the input")
    count, codes = 0, collections.Counter()
    for record in digest.stream(line.broker, f"{APP}.dlq"):
        place = int(record.headers["partition"]), int(record.headers["offset"])
        check(record.value == bad.pop(place, None), f"{place}: twice, or other bytes")
        codes[record.headers["error"].decode()] += 1
        count += 1
    same((count, bad), (line.sent.poison_count, {}), "dead letters, and what has none")
    same(codes["RECORD_TOO_LARGE"], len(line.rows) // load.OVERSIZE_EVERY, "oversized")
    diag(dict(codes))


if __name__ == "__main__":
    run(world())
