#!/usr/bin/env python3
"""A second application beside the first: the same input gives the same outputs, byte for byte."""

import signal
import time

from lib import orders
from lib.compare import check_equal_outputs, differing_keys, snapshot
from lib.program import HISTORY, world
from lib.tap import check, run, same, test

ROWS = orders.make_orders(300, 250, seed=21)
OPTIONS = ("--series.dimensions", "country")


@test("the second application runs from the beginning while the first one is at work")
def second(line):
    line.create_topics("first")
    path = orders.write_csv(line.path("orders.csv"), ROWS)
    line.ingest(path, "first")
    line.first = line.start("run", *HISTORY, *OPTIONS, app="first")
    line.run_history("second", "--from-beginning", *OPTIONS)
    same(line.first.poll(), None, f"the first has ended: {line.log_of(line.first)[-1500:]}")
    end = time.monotonic() + 30
    while sum(line.broker.ends("first.accounts", True).values()) == 0:
        check(time.monotonic() < end, "the first does nothing")
        time.sleep(0.1)
    line.first.send_signal(signal.SIGTERM)
    same(line.finish(line.first, 20), 0, "exit code after SIGTERM")
    line.run_history("first", *OPTIONS)
    line.outputs = snapshot(line.broker, "first")


@test("an independent reader finds no difference", needs=second)
def independent(line):
    check_equal_outputs(line.outputs, line.broker, "second")
    check(len(line.outputs["alerts"]) > 5 and len(line.outputs["forecasts"]) > 5, "thin outputs")


@test("diff finds none: exit code 0, every topic with its keys and records", needs=second)
def diff(line):
    result = line.call("diff", "first", "second")
    check("first and second do not differ" in result.out, result)
    for logical in ("alerts", "scores", "forecasts", "forecast.accuracy", "accounts",
                    "forecast.series"):
        row = next(text.split() for text in result.out.splitlines()
                   if text.split()[:1] == [logical])
        same([int(n) for n in row[1:5]], [len(line.outputs[logical]), 0, 0, 0], f"row {logical}")


@test("--from-beginning is refused for an application that exists", needs=second)
def refused(line):
    before = line.broker.ends("second.alerts", True)
    result = line.run_history("second", "--from-beginning", *OPTIONS, code=1)
    check("choose another --app" in result.err and "second" in result.err, result)
    same(line.broker.ends("second.alerts", True), before, "alerts")


@test("another threshold gives other alerts: diff says which, exit code 4", needs=second)
def different(line):
    line.run_history("trial", "--from-beginning", *OPTIONS, "--alert.open=0.7")
    result = line.call("diff", "first", "trial", code=4)
    outputs = snapshot(line.broker, "trial")
    keys = differing_keys(line.outputs["alerts"], outputs["alerts"])
    check(keys, "the trial has the same alerts: this test would prove nothing")
    same(len(differing_keys(line.outputs["scores"], outputs["scores"])), 0, "scores that differ")
    row = next(t.split() for t in result.out.splitlines() if t.split()[:1] == ["alerts"])
    same(sum(int(n) for n in row[2:5]), len(keys), "differing keys of alerts")
    check(any(key.decode() in result.out for key in keys), "no key is shown:", result.out)
    check("differ in" in result.err, result.err)
    result = line.call("diff", "trial", "first", code=4)
    row = next(t.split() for t in result.out.splitlines() if t.split()[:1] == ["alerts"])
    same(sum(int(n) for n in row[2:5]), len(keys), "differing keys of alerts, the other way")


@test("the same file ingested again: every event is there twice, and said to be so", needs=second)
def input_twice(line):
    before = len(line.broker.read("erp.events"))
    line.ingest(line.path("orders.csv"), "first")
    records = line.broker.read("erp.events")
    same(len(records), 2 * before, "records")
    half = {(r.key, r.value) for r in records[:]}
    same(len(half) * 2, len(records) - len(line.broker.partitions("erp.events")) * 0,
         "the same keys and values again")


if __name__ == "__main__":
    run(world())
