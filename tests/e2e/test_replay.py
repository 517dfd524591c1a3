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
    check(any(key.decode() in result.out for _, key in keys), "no key is shown:", result.out)
    check("differ in" in result.err, result.err)
    result = line.call("diff", "trial", "first", code=4)
    row = next(t.split() for t in result.out.splitlines() if t.split()[:1] == ["alerts"])
    same(sum(int(n) for n in row[2:5]), len(keys), "differing keys of alerts, the other way")


@test("a file is ingested once; with --again it gives the same records again", needs=second)
def input_twice(line):
    before = line.broker.read("erp.events")
    result = line.ingest(line.path("orders.csv"), "first")
    check("was sent before" in result.out, result)
    same(len(line.broker.read("erp.events")), len(before), "records after a second run")
    line.ingest(line.path("orders.csv"), "first", "--again")
    after = line.broker.read("erp.events")
    for partition in line.broker.partitions("erp.events"):
        told = [[(r.key, r.value) for r in records if r.partition == partition]
                for records in (before, after)]
        check(told[1] == 2 * told[0], f"partition {partition}: {len(told[0])} records became "
              f"{len(told[1])}")


@test("a history of seven years: no amount is lost, and a replay says the same")
def long_history(line):
    rows = orders.make_orders(1000, 2500, seed=9, orders_mean=14)
    inputs = ("--inputs", "crm.events")
    line.call("topics", "create", *inputs, app="long")
    line.ingest(orders.write_csv(line.path("long.csv"), rows), "long", "--topic", "crm.events")
    line.run_history("long", *inputs)
    same(line.broker.read("long.dlq")[:2], [], "dead letters")
    actuals = {v["target_ms"]: v["actual"] for v in line.broker.values("long.forecast.accuracy")
               if v["definition"] == "revenue.week"}
    sums = orders.revenue_oracle(rows, orders.WEEK_MS)
    wrong = {week: (actual, sums["", week]) for week, actual in actuals.items()
             if actual != sums["", week]}
    same(dict(list(wrong.items())[:3]), {}, f"{len(wrong)} of {len(actuals)} weeks are wrong")
    line.run_history("longer", "--from-beginning", *inputs)
    line.call("diff", "long", "longer")


if __name__ == "__main__":
    run(world())
