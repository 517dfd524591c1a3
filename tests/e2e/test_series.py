#!/usr/bin/env python3
"""Series by definition, over the simulated company: every amount is what an independent reader adds
up from the files; drift is where the errors call for it."""

import collections
import datetime
import json
import math
import os
import random
import re
import zoneinfo

import fastavro

from lib import orders
from lib.avro import ROOT, decode
from lib.kafka import decoded
from lib.program import MAP, world
from lib.tap import check, diag, run, same, test

APP = "serial"
DAY_MS, WEEK_MS, MONDAY_MS = 86400000, 7 * 86400000, 4 * 86400000
SMALL = ("--accounts", "80", "--months", "3", "--seed", "23", "--clean")
SLACK, LIMIT, ERROR_MAX, WARM_UP = 0.75, 5.0, 4.0, 12  # of the drift detector
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


def day_text(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%d")


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
            site = order["site"] if order and order["site"] else "-"
            sums[f"revenue.week.site/{r['currency']}/{site}", week(millis(r))] += r["amount_minor"]
        if r["type"] == "erp.order.line":
            line = block(r, "line")
            for series in ("pieces.week/C62/", f"pieces.week.sku/C62/{line['sku']}"):
                sums[series, week(millis(r))] += nearest(line["quantity"])
    for r in records(folder, "support.events"):
        if r["type"] == "support.ticket.opened":
            ticket = block(r, "ticket")
            sums["tickets.week/C62/", week(millis(r))] += 1
            category = ticket["category"] if ticket and ticket["category"] else "-"
            sums[f"tickets.week.category/C62/{category}", week(millis(r))] += 1
    return sums


def kept(line):
    """{(series, period start): amount} as the forecast stage has it in the end; what came late to a
    closed period is in it, too; and as the account stage hands it on with the next tick."""
    found = collections.Counter()
    for key, record in line.broker.latest(f"{APP}.forecast.series").items():
        value = record.value
        amounts = [a["amount"] for a in value["history"] + value["open"]]
        begin = value["open_ms"] - len(value["history"]) * value["period_ms"]
        for index, amount in enumerate(amounts):
            found[key.decode(), begin + index * value["period_ms"]] += amount
    totals = {(r.partition, r.key): r.value for r in line.broker.read(f"{APP}.account.meta")
              if b"/totals/" in r.key}
    for (_, key), value in totals.items():
        for period in decode(value)["periods"] if value is not None else ():
            found[key.decode().split("/totals/")[1], period["period_start_ms"]] += \
                period["amount"]
    return found


@test("every amount of every period is the sum that an independent reader finds")
def actuals(line):
    folder = line.path("company")
    line.bare("simulate", *SMALL, "--out", folder)
    line.call("topics", "create", app=APP)
    line.call("simulate", *SMALL, "--kafka", app=APP)
    line.call("run", "--until-end", "--clock", "data", "--tick.ms", "1d", "--series.file", FILE,
              app=APP, timeout=120)
    sums, found = expected(folder), kept(line)
    same({key: found.get(key) for key, amount in sums.items() if found.get(key) != amount}, {},
         "amounts that differ")
    same({key: amount for key, amount in found.items() if amount != 0 and key not in sums}, {},
         "amounts from nowhere")
    check(len(sums) > 500, "few amounts", len(sums))
    names = {series.split("/")[0] for series, _ in sums}
    same(names, {"energy.day", "energy.day.region", "revenue.week", "revenue.week.site",
                 "pieces.week", "pieces.week.sku", "tickets.week", "tickets.week.category"},
         "definitions")
    # what waited for its customer until the whole history was read comes after the last tick, and
    # waits for the next one; a period that was open before has closed
    states = [r.value for r in line.broker.latest(f"{APP}.forecast.series").values()]
    waiting = [v for v in states if v["open"]]
    same([v for v in waiting if v["history"]], [], "series that the clock has left behind")
    check(len(waiting) < len(states) / 4, "series that wait", len(waiting), len(states))
    diag(f"{len(sums)} amounts of {len(states)} series, {len(waiting)} of them after the last tick")


@test("forecasts agree at every level, to the minor unit", needs=actuals)
def coherent(line):
    points, parts = {}, collections.defaultdict(int)
    for record in decoded(line.broker.read(f"{APP}.forecasts")):
        value = record.value
        place = value["series"], value["origin_ms"], value["horizon"]
        check(place not in points, "said twice", place)
        points[place] = value["point"]
        name, unit, dimension = value["series"].split("/", 2)
        if dimension:
            total = f"{name.rsplit('.', 1)[0]}/{unit}/"
            parts[(total, *place[1:])] += value["point"]
    totals = {place: point for place, point in points.items() if place[0].endswith("/")}
    check(len(totals) > 100 and len(points) > 2 * len(totals), "few forecasts", len(totals))
    same({p: parts[p] for p in totals if parts[p] != totals[p]}, {}, "sums that differ")
    # a part that begins late, with closes that are past, has no total there
    missing = {p for p in parts if p not in totals}
    check(len(missing) < len(parts) / 10, "totals that are missing", len(missing), len(parts))
    diag(f"{len(totals)} forecasts of totals, {len(missing)} without")


def drifts(errors):
    """[(index, direction)] of one series' one-step errors: the published rule, written anew."""
    found, scale, sums, count = [], 0.0, {"UP": 0.0, "DOWN": 0.0}, 0
    for index, error in enumerate(errors):
        deviation = math.sqrt(math.pi / 2) * scale
        if count >= WARM_UP:
            z = error / deviation if deviation else math.copysign(ERROR_MAX, error) if error else 0
            z = max(-ERROR_MAX, min(ERROR_MAX, z))
            sums = {"UP": max(0, sums["UP"] + z - SLACK), "DOWN": max(0, sums["DOWN"] - z - SLACK)}
            beyond = [name for name in ("UP", "DOWN") if sums[name] > LIMIT]
            if beyond:
                found.append((index, beyond[0]))
                scale, sums, count = 0.0, {"UP": 0.0, "DOWN": 0.0}, 0
        count += 1
        size = abs(error)
        if count > WARM_UP and scale > 0:
            size = min(size, ERROR_MAX * math.sqrt(math.pi / 2) * scale)
        scale += max(1 / count, 0.05) * (size - scale)
    return found


def check_drifts(line, app):
    """The drift records are those that the accuracies call for, where the own method was said."""
    methods = collections.defaultdict(set)
    naive = set()
    for record in decoded(line.broker.read(f"{app}.forecasts")):
        value = record.value
        methods[value["series"]].add(value["method"])
        if value["method"] == "naive":
            line.fallen.add(value["series"])
            naive.add((value["series"], value["origin_ms"], value["horizon"]))
    steps = collections.defaultdict(dict)
    for record in decoded(line.broker.read(f"{app}.forecast.accuracy")):
        value = record.value
        if value["horizon"] == 1:
            steps[value["series"]][value["target_ms"]] = value
        if (value["series"], value["origin_ms"], value["horizon"]) in naive:
            same(value["point"], value["naive"], "what is said to be naive")
        same((value["bias"], value["absolute_error"]),
             (value["point"] - value["actual"], abs(value["point"] - value["actual"])), "bias")
    found = collections.defaultdict(list)
    for record in decoded(line.broker.read(f"{app}.drift")):
        found[record.value["series"]].append(record.value)
    compared = 0
    for series, by_target in steps.items():
        if series in line.fallen:
            continue
        targets = sorted(by_target)
        errors = [by_target[t]["actual"] - by_target[t]["point"] for t in targets]
        same([(d["at_ms"], d["direction"]) for d in found[series]],
             [(targets[i] + targets[1] - targets[0], way) for i, way in drifts(errors)],
             f"drifts of {series}")
        compared += 1
    return found, compared


@test("what a series did is deployed as another's signal, for its own region", needs=actuals)
def signals(line):
    path, expect = line.path("signals.json"), {}
    with open(FILE, encoding="utf-8") as file:
        energy = next(s for s in json.load(file)["series"] if s["name"] == "energy.day")
    sessions = {"name": "sessions.day", "types": ["iot.charging"], "period": "P1D",
                "dimensions": ["iot.charging.region"],
                "signals": [{"name": "energy", "series": "energy.day.region", "lag": 7}]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"series": [energy, sessions]}, file)
    for key, record in line.broker.latest(f"{APP}.forecast.series").items():
        name, _, region = key.decode().split("/")
        closed = len(record.value["history"])
        if name == "energy.day.region" and closed > 0:
            begin = record.value["open_ms"] + (7 - closed) * DAY_MS
            expect[region] = str(closed), day_text(begin)
    check("filled in by deploy" in line.call("series", "check", path, app=APP).out, "check")
    told = line.call("series", "deploy", path, "--series.file", FILE, app=APP).out
    found = {m[0]: m[1:] for m in re.findall(
        r"signal energy of sessions\.day\.region (\S+): (\d+) values from (\S+) on", told)}
    check(len(expect) > 0, "no region has closed a day")
    same(found, expect, "signals")


@test("drift is said where the errors call for it, and nowhere else", needs=actuals)
def drift(line):
    line.fallen = set()
    found, compared = check_drifts(line, APP)
    check(compared > 10, "few series", compared)
    check(line.fallen, "no series was worse than naive for a while")
    diag(f"{sum(map(len, found.values()))} drifts, {compared} series compared, "
         f"{len(line.fallen)} fell back for a while")


@test("a shift is noticed within days, with the means before and after", needs=drift)
def shift(line):
    chance = random.Random(3)
    rows = [orders.Order("C1", orders.BEGIN_MS + d * DAY_MS, round(
        100 * ((100 if d < 150 else 300) + chance.gauss(0, 10))), 1, "Chile") for d in range(240)]
    path, mapping = orders.write_csv(line.path("shift.csv"), rows), line.path("shift.json")
    with open(MAP, encoding="utf-8") as source, open(mapping, "w", encoding="utf-8") as file:
        file.write(source.read().replace('"erp.events"', '"shift.erp.events"'))
    line.call("topics", "create", "--inputs", "shift.erp.events", app="shifted")
    line.call("ingest", "csv", "--map", mapping, path, app="shifted")
    line.call("run", "--until-end", "--inputs", "shift.erp.events", "--clock", "data",
              "--tick.ms", "1d", app="shifted", timeout=120)
    found, _ = check_drifts(line, "shifted")
    ups = found["revenue.day/EUR/"]
    check(ups and ups[0]["direction"] == "UP", "drifts", found)
    check(8000 < ups[0]["before"] < 12000 and 20000 < ups[0]["after"] < 33000, ups[0])
    at_ms = ups[0]["at_ms"]
    check(at_ms <= orders.BEGIN_MS + 155 * DAY_MS, "noticed late", ups[0])
    later = [r.value for r in decoded(line.broker.read("shifted.forecasts"))
             if r.value["series"] == "revenue.day/EUR/" and r.value["origin_ms"] >= at_ms + DAY_MS]
    check(len(later) > 100, "forecasts", len(later))
    same([f for f in later if not 26000 < f["point"] < 34000], [], "forecasts of the old level")
    state = line.broker.latest("shifted.forecast.series")[b"revenue.day/EUR/"].value
    shifts = state["method"]["foretell.SeriesMethod"]["shifts"] \
        if "foretell.SeriesMethod" in state["method"] else state["method"]["shifts"]
    same([s["age"] for s in shifts], [len(state["history"]) - 150], "shifts that are lifted")


ZONES = {"berlin.day": ("P1D", "Europe/Berlin"), "york.week": ("P1W", "America/New_York"),
         "york.month": ("P1M", "America/New_York"), "lord.day": ("P1D", "Australia/Lord_Howe")}


def local_start(day, iso):
    """The first day of the period of that kind that a local day is in."""
    if iso == "P1W":
        return day - datetime.timedelta(days=day.weekday())
    return day.replace(day=1) if iso == "P1M" else day


def previous(day, iso):
    return local_start(day - datetime.timedelta(days=1), iso)


def check_clocks(zones):
    """What was resolved is what zoneinfo has, hour by hour."""
    for name, numbers in zones.items():
        zone, offset, at = zoneinfo.ZoneInfo(name), numbers[0], 1
        for hour in range(262968, 438288, 1):  # 2000 to 2019
            while at < len(numbers) and numbers[at] <= hour * 60:
                offset, at = numbers[at + 1], at + 2
            there = datetime.datetime.fromtimestamp(hour * 3600, zone).utcoffset()
            if there != datetime.timedelta(minutes=offset):
                check(False, name, hour, there, offset)


@test("days, weeks and months of a time zone are those of its clocks", needs=actuals)
def zones(line):
    path, whole = line.path("zones.json"), line.path("resolved.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"series": [{"name": name, "types": ["erp.order"], "period": iso,
                               "time_zone": zone} for name, (iso, zone) in ZONES.items()]}, file)
    line.call("topics", "create", "--inputs", "zoned.erp.events", app="zoned")
    result = line.call("run", "--series.file", path, app="zoned", code=1)
    check("foretell series resolve" in result.err, result)
    with open(whole, "w", encoding="utf-8") as file:
        file.write(line.bare("series", "resolve", path).out)
    with open(whole, encoding="utf-8") as file:
        check_clocks(json.load(file)["zones"])
    begin = int(datetime.datetime(2026, 2, 20, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    moments = [begin + i * 37 * 60000 * 7 for i in range(1500)]  # over four changes
    rows = [orders.Order("C1", at, 100, 1, "Chile") for at in moments]
    mapping = line.path("zones-map.json")
    with open(MAP, encoding="utf-8") as source, open(mapping, "w", encoding="utf-8") as file:
        file.write(source.read().replace('"erp.events"', '"zoned.erp.events"'))
    line.call("ingest", "csv", "--map", mapping, orders.write_csv(line.path("zones.csv"), rows),
              app="zoned")
    line.call("run", "--until-end", "--inputs", "zoned.erp.events", "--clock", "data",
              "--tick.ms", "1h", "--series.file", whole, app="zoned", timeout=120)
    states = {key.decode().split("/")[0]: r.value
              for key, r in line.broker.latest("zoned.forecast.series").items()}
    for name, (iso, zone) in ZONES.items():
        there, found = zoneinfo.ZoneInfo(zone), {}
        expect = collections.Counter(
            local_start(datetime.datetime.fromtimestamp(at / 1000, there).date(), iso)
            for at in moments)
        value = states[name]
        open_at = datetime.datetime.fromtimestamp(value["open_ms"] / 1000, there)
        same(open_at.time(), datetime.time(), f"{name} begins at midnight")
        at = open_at.date()
        for amount in reversed(value["history"]):
            at = previous(at, iso)
            found[at] = amount["amount"]
        check(len(found) > 7, name, found)
        same(found, {at: expect[at] for at in found}, name)
    accuracy = [r.value for r in decoded(line.broker.read("zoned.forecast.accuracy"))
                if r.value["definition"] == "berlin.day"]
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    starts = {datetime.datetime.fromtimestamp(a["target_ms"] / 1000, berlin) for a in accuracy}
    same({s.time() for s in starts}, {datetime.time()}, "targets begin at midnight")
    check({s.date() for s in starts} >= {datetime.date(2026, 3, 29), datetime.date(2026, 3, 30),
                                         datetime.date(2026, 10, 25)}, "days of changes")


@test("a file with a mistake is refused with the place and what could stand there", needs=actuals)
def refused(line):
    path = line.path("wrong.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"series": [{"name": "a", "types": ["erp.order"], "period": "P1D",'
                   ' "measure": "erp.order.amount"}]}')
    result = line.call("run", "--series.file", path, app=APP, code=1)
    check("erp.order.amount" in result.err and "line_count" in result.err, result)
    for text, told in (('"types": ["erp.oder"], "period": "P1D"', 'did you mean "erp.order"'),
                       ('"types": ["erp.order"], "period": "P1Y"', 'P1M, not "P1Y"'),
                       ('"types": ["erp.order"], "period": "P1D", "horizon": 99', "not 99"),
                       ('"types": ["erp.order"], "period": "P1D", "time_zone": "Mars/Olympus"',
                        "Mars/Olympus")):
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"series": [{"name": "a", ' + text + "}]}")
        result = line.bare("series", "check", path)
        check(told in result.err, told, result)
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"series": [{"name": "a", "types": ["lift.ride"], "period": "P1D"}]}')
    check("--own-types" in line.bare("series", "check", path).err, "own words")
    line.bare("series", "check", path, "--own-types")
    result = line.call("run", "--series.file", FILE, "--series.dimensions", "country", app=APP,
                       code=2)
    check("series.dimensions" in result.err, result)


if __name__ == "__main__":
    run(world())
