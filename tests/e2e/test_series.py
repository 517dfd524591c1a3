#!/usr/bin/env python3
"""Series by definition, over the simulated company: every actual is what an independent reader adds
up from the files; levels of a hierarchy agree to the last unit."""

import collections
import math
import os

import fastavro

from lib.avro import ROOT
from lib.kafka import decoded
from lib.program import world
from lib.tap import check, diag, run, same, test

APP = "serial"
DAY_MS, WEEK_MS, MONDAY_MS = 86400000, 7 * 86400000, 4 * 86400000
SMALL = ("--accounts", "80", "--months", "3", "--seed", "23", "--clean")
FILE = os.path.join(ROOT, "docs/examples/series.json")


def records(folder, topic):
    with open(os.path.join(folder, topic + ".avro"), "rb") as file:
        yield from fastavro.reader(file)


def block(record, name):
    return record["payload"][name] if record["payload"] and record["payload"].get(name) else None


def nearest(number):
    return math.floor(number + 0.5) if number >= 0 else -math.floor(0.5 - number)


def millis(record):
    return int(round(record["event_ms"].timestamp() * 1000))


def day(ms):
    return ms // DAY_MS * DAY_MS


def week(ms):
    return (ms - MONDAY_MS) // WEEK_MS * WEEK_MS + MONDAY_MS


def expected(folder):
    """{(series, period start): amount} by the files alone."""
    sums = collections.Counter()
    for r in records(folder, "iot.events"):
        if r["type"] == "iot.charging":
            charging, kwh = block(r, "charging"), None
            kwh = nearest(charging["energy_kwh"] * 1000)
            for series in ("energy.day/KWH/", f"energy.day.region/KWH/{charging['region']}"):
                sums[series, day(millis(r))] += kwh
    for r in records(folder, "erp.events"):
        if r["type"] in ("erp.order", "erp.return"):
            order = block(r, "order")
            sums[f"revenue.week/{r['currency']}/", week(millis(r))] += r["amount_minor"]
            if order and order["site"]:
                sums[f"revenue.week.site/{r['currency']}/{order['site']}",
                     week(millis(r))] += r["amount_minor"]
        if r["type"] == "erp.order.line":
            line = block(r, "line")
            for series in ("pieces.week/C62/", f"pieces.week.sku/C62/{line['sku']}"):
                sums[series, week(millis(r))] += nearest(line["quantity"])
    for r in records(folder, "support.events"):
        if r["type"] == "support.ticket.opened":
            ticket = block(r, "ticket")
            sums["tickets.week/C62/", week(millis(r))] += 1
            if ticket and ticket["category"]:
                sums[f"tickets.week.category/C62/{ticket['category']}", week(millis(r))] += 1
    return sums


@test("every actual is the sum that an independent reader finds")
def actuals(line):
    folder = line.path("company")
    line.bare("simulate", *SMALL, "--out", folder)
    line.call("topics", "create", app=APP)
    line.call("simulate", *SMALL, "--kafka", app=APP)
    line.call("run", "--until-end", "--clock", "data", "--tick.ms", "1d", "--series.file", FILE,
              app=APP, timeout=120)
    sums = expected(folder)
    line.accuracy = [r.value for r in decoded(line.broker.read(f"{APP}.forecast.accuracy"))]
    found = {(a["series"], a["target_ms"]): a["actual"] for a in line.accuracy}
    check(len(found) > 500, "few actuals", len(found))
    differing = [(key, actual, sums[key]) for key, actual in found.items() if actual != sums[key]]
    same(differing, [], "actuals that differ")
    definitions = collections.Counter(a["definition"] for a in line.accuracy)
    diag(f"{len(found)} actuals of {len({s for s, _ in found})} series: {dict(definitions)}")
    for name in ("energy.day", "energy.day.region", "revenue.week", "revenue.week.site",
                 "pieces.week", "pieces.week.sku", "tickets.week", "tickets.week.category"):
        check(definitions[name] > 0, f"nothing of {name}", definitions)


@test("a file with a mistake is refused with the place and what could stand there", needs=actuals)
def refused(line):
    path = line.path("wrong.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"series": [{"name": "a", "types": ["erp.order"], "period": "P1D",'
                   ' "measure": "erp.order.amount"}]}')
    result = line.call("run", "--series.file", path, app=APP, code=1)
    check("erp.order.amount" in result.err and "line_count" in result.err, result)
    result = line.call("run", "--series.file", FILE, "--series.dimensions", "country", app=APP,
                       code=2)
    check("series.dimensions" in result.err, result)


if __name__ == "__main__":
    run(world())
