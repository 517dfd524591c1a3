#!/usr/bin/env python3
"""Allocations of the simulated company's vehicles on a real broker, held by an independent reader
against the stock in the files and the forecasts on the topic; and series that are deployed."""

import collections
import json
import os

import fastavro

from lib.avro import ROOT, decode
from lib.program import world
from lib.tap import check, diag, run, same, test

APP = "move"
WEEK_MS = 7 * 86400000
EXAMPLE = os.path.join(ROOT, "docs/examples/vehicles")
SERIES, NETWORK = (os.path.join(EXAMPLE, name) for name in ("series.json", "allocation.json"))
COMPANY = ("--accounts", "8", "--months", "4", "--seed", "11", "--clean", "--vehicles")
RUN = ("run", "--until-end", "--clock", "data", "--tick.ms", "1d", "--allocation.file", NETWORK)
LATER = {"series": [{"name": "sessions.week", "types": ["iot.charging"], "period": "P1W",
                     "dimensions": ["iot.charging.region"], "horizon": 4}]}


def levels(folder):
    """{(site, sku): [(time, level)]} by the files alone."""
    found = collections.defaultdict(list)
    with open(os.path.join(folder, "erp.events.avro"), "rb") as file:
        for record in fastavro.reader(file):
            if record["type"] == "erp.stock":
                stock = record["payload"]["stock"]
                at_ms = round(record["event_ms"].timestamp() * 1000)
                found[stock["site"], stock["sku"]].append((at_ms, stock["level"]))
    return found


@test("each product has a plan a week, within the stock that the files tell of")
def plans(line):
    folder = line.path("company")
    line.bare("simulate", *COMPANY, "--out", folder)
    line.call("topics", "create", app=APP)
    line.call("simulate", *COMPANY, "--kafka", app=APP)
    line.call(*RUN, "--series.file", SERIES, app=APP, timeout=120)
    told, closes = levels(folder), collections.defaultdict(list)
    for plan in line.broker.values(f"{APP}.allocations"):
        closes[plan["product"]].append(plan["at_ms"])
        same(plan["status"], "OPTIMAL", plan)
        check(plan["bound_minor"] <= plan["cost_minor"] + 1, "the bound", plan)
        check(plan["cost_minor"] <= plan["cost_without_minor"] + 10 ** 6, "the cost", plan)
        check(plan["expected_lost"] <= plan["expected_lost_without"] + 1e-6, "lost", plan)
        sent = collections.Counter()
        for action in plan["actions"]:
            check(action["quantity"] == int(action["quantity"]) > 0 and action["text"], action)
            sent[action["from_site"]] += action["quantity"] if action["kind"] == "TRANSFER" else 0
        for stock in plan["stocks"]:
            known = [pair for pair in told[stock["site"], plan["product"]]
                     if pair[0] <= plan["at_ms"]]
            expected = max(known) if known else (None, 0)
            same((stock["at_ms"], stock["level"]), expected, f"stock at {plan['at_ms']}")
            check(sent[stock["site"]] <= stock["level"], "more than there is", plan)
    same(sorted(closes), ["EV-CITY", "EV-TOUR"], "products")
    for product, times in closes.items():
        same(sorted(set(times)), sorted(times), "a plan twice")
        same(times, list(range(times[0], times[-1] + 1, WEEK_MS)), f"the weeks of {product}")
        check(len(times) >= 15, "few weeks", times)
    line.plans = sum(map(len, closes.values()))


@test("expected demand lies within the forecasts of all regions", needs=plans)
def demand(line):
    sums = collections.Counter()
    for forecast in line.broker.values(f"{APP}.forecasts"):
        if forecast["definition"] == "vehicles.week.region.sku" and forecast["horizon"] <= 3:
            region, sku = forecast["dimension"].split("|")
            for end in ("lower_95", "upper_95"):
                sums[sku, forecast["origin_ms"], region, end] += forecast[end]
    compared = 0
    for plan in line.broker.values(f"{APP}.allocations"):
        same(plan["periods"], 3, "weeks until an order of the next close can be there")
        for region in plan["regions"]:
            low, high = (sums[plan["product"], plan["at_ms"], region["region"], end]
                         for end in ("lower_95", "upper_95"))
            check(low - 1e-9 <= region["demand"] <= max(high, low) * 1.1 + 1e-9, plan, low, high)
            compared += 1
    check(compared > 8 * 15, "few compared", compared)
    diag(f"{line.plans} plans, {compared} regions compared")


@test("a replay in another application says the same", needs=plans)
def replay(line):
    line.call(*RUN, "--series.file", SERIES, "--from-beginning", app="again", timeout=120)
    sequences = []
    for app in (APP, "again"):
        found = collections.defaultdict(list)
        for record in line.broker.read(f"{app}.allocations"):
            found[record.key].append(record.value)
        sequences.append(found)
    same(*sequences, "allocations, byte by byte")


@test("foretell allocations tells it to a person; a wrong file is refused", needs=plans)
def shown(line):
    result = line.call("allocations", "EV-CITY", app=APP)
    check("EV-CITY, decided" in result.out and "EV-TOUR" not in result.out, result)
    check("no plan below" in result.out, result)
    result = line.call("allocations", "EV-CITY", "NIX", app=APP, code=1)
    check("EV-CITY, decided" in result.out and "no plan of NIX" in result.err, result)
    for asked in (("NIX",), ("--at", "1999-07-01")):
        result = line.call("allocations", *asked, app=APP, code=1)
        check(all(words in result.err for words in (asked[-1], "EV-CITY", "EV-TOUR")), result)
    result = line.call("forecast", "nosuch", app=APP, code=1)
    check("nosuch" in result.err and "vehicles.week.region.sku" in result.err, result)
    path = line.path("network.json")
    with open(NETWORK, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("vehicles.week.region.sku", "vehicles.day"))
    result = line.call("run", "--allocation.file", path, "--series.file", SERIES, app=APP, code=1)
    check("vehicles.day" in result.err and "no series that is forecast" in result.err, result)
    line.call("run", "allocate", app=APP, code=2)


@test("deployed series count from their time on; a name keeps its meaning", needs=plans)
def deployed(line):
    line.call("topics", "create", app="fresh")
    path, folder = line.path("deployed.json"), line.path("company")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(LATER, file)
    check("sessions.week.region" in line.call("series", "check", path).out, "check")
    line.call("series", "deploy", path, "--from", "2024-03-04", "--series.file", SERIES,
              app="fresh")
    line.call("run", "--until-end", "--clock", "data", "--tick.ms", "1d", "--series.file", SERIES,
              app="fresh", timeout=120)
    from_ms, sums = 1709510400000, collections.Counter()
    with open(os.path.join(folder, "iot.events.avro"), "rb") as file:
        for record in fastavro.reader(file):
            at_ms = round(record["event_ms"].timestamp() * 1000)
            if record["type"] == "iot.charging" and at_ms >= from_ms:
                sums[from_ms + (at_ms - from_ms) // WEEK_MS * WEEK_MS] += 1
    state = line.broker.latest("fresh.forecast.series")[b"sessions.week/C62/"].value
    begin = state["open_ms"] - len(state["history"]) * WEEK_MS
    found = collections.Counter({begin + i * WEEK_MS: a["amount"]
                                 for i, a in enumerate(state["history"])})
    weeks = list(found)
    # what came last goes on with the next tick
    totals = {(r.partition, r.key): r.value for r in line.broker.read("fresh.account.meta")
              if r.key.endswith(b"/totals/sessions.week/C62/")}
    for value in totals.values():
        for period in decode(value)["periods"] if value is not None else ():
            found[period["period_start_ms"]] += period["amount"]
    check(len(weeks) >= 7, "few weeks", found)
    same({at: sums[at] for at in weeks}, {at: found[at] for at in weeks}, "sessions of each week")
    versions = {f["definition_version"] for f in line.broker.values("fresh.forecasts")
                if f["definition"] == "sessions.week"}
    listed = line.call("series", app="fresh").out
    check(len(versions) == 1 and versions.pop() in listed, listed)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"series": [{**LATER["series"][0], "period": "P1D"}]}, file)
    result = line.call("series", "deploy", path, app="fresh", code=1)
    check("another name" in result.err, result)


if __name__ == "__main__":
    run(world())
