#!/usr/bin/env python3
"""The whole line on a real Kafka, and what an independent reader finds on its topics.

The values are held against sums over the CSV that this test makes up, never against the program.
"""

import collections
import glob
import json
import math
import os
import struct
import subprocess

from lib import orders
from lib.avro import BY_ID, decode, decode_with_logical_types
from lib.kafka import decoded
from lib.program import MAP, PARTITIONS, world
from lib.tap import check, diag, run, same, test

APP = "line"
# Long after the last order, so that every silence ends in an alert and every alert ends.
UNTIL, UNTIL_MS = "1999-09-02", 936230400000
HORIZON_WEEKS, HORIZON_DAYS = 4, 7
SEASONS = {orders.DAY_MS: 7, orders.WEEK_MS: 1}
OUTPUTS = {"alerts": "alert", "scores": "score", "accounts": "account", "forecasts": "forecast",
           "forecast.accuracy": "forecast_accuracy"}
NEVER_MS = 2 ** 63 - 1

ROWS = orders.make_orders(300, 300, seed=11)


def name(logical):
    return f"{APP}.{logical}"


@test("topics create, twice, and topics check")
def topics(line):
    first = line.call("topics", "create", "--inputs", "erp.events", app=APP)
    check("created" in first.out, first.out)
    second = line.call("topics", "create", "--inputs", "erp.events", app=APP)
    check("created " not in second.out and "exists" in second.out, second.out)
    line.call("topics", "check", "--inputs", "erp.events", app=APP)
    for logical in ("erp.events", *(name(logical) for logical in OUTPUTS)):
        same(len(line.broker.partitions(logical)), PARTITIONS, f"partitions of {logical}")


@test("ingest publishes every row once, the same on both sides of the wire", needs=topics)
def ingest(line):
    path = orders.write_csv(line.path("orders.csv"), ROWS)
    result = line.ingest(path, APP, "--until", UNTIL)
    check(f"{len(ROWS)} rows: {len(ROWS)} events" in result.out, result.out)
    records = decoded(line.broker.read("erp.events"))
    ends = [r for r in records if r.value.schema == "control"]
    same(sorted(r.partition for r in ends), list(range(PARTITIONS)), "END records")
    same({(r.value["kind"], r.value["at_ms"]) for r in ends}, {("END", UNTIL_MS)}, "END records")
    events = [r for r in records if r.value.schema == "erp_event"]
    same(collections.Counter((r.value["subject"], r.value["event_ms"], r.value["amount_minor"],
                              r.value["quantity"], r.value["attrs"]["country"])
                             for r in events), collections.Counter(ROWS), "events")
    check(all(r.key.decode() == r.value["subject"] for r in events), "keyed by subject")
    same(len({r.value["event_id"] for r in events}), len(ROWS), "distinct event ids")
    diag(f"{len(ROWS)} rows of {len({r.customer for r in ROWS})} customers")


@test("run --until-end ends by itself", needs=ingest)
def line_runs(line):
    result = line.run_history(APP, "--series.dimensions", "country")
    check("lag 0" in result.out, result.out)
    same(line.broker.read(name("dlq")), [], "dead letters")


@test("no transaction is left open", needs=line_runs)
def no_open_transaction(line):
    for logical in [*OUTPUTS, "account.events", "account.meta", "series.points", "dlq"]:
        same(line.broker.ends(name(logical), committed=True),
             line.broker.ends(name(logical), committed=False), f"last stable offset of {logical}")


def codecs(segment):
    """The codecs of a log's batches. A batch that gains nothing by it is left as it is."""
    with open(segment, "rb") as f:
        log = f.read()
    found, at = set(), 0
    while at + 23 <= len(log) and (length := struct.unpack_from(">i", log, at + 8)[0]) > 0:
        found.add(struct.unpack_from(">h", log, at + 21)[0] & 7)
        at += 12 + length
    return found


@test("what is written is compressed with lz4 on the broker's disk", needs=line_runs)
def compressed(line):
    for logical in ("erp.events", name("account.events"), name("accounts")):
        segments = glob.glob(os.path.join(line.broker.folder, "**", f"{logical}-*", "*.log"),
                             recursive=True)
        same(len(segments), PARTITIONS, f"segments of {logical}")
        for segment in segments:
            check(3 in codecs(segment), f"{segment}: codecs {codecs(segment)}")


@test("account.events: every event once, in its source's order, in one partition per account",
      needs=line_runs)
def account_events(line):
    records = decoded(line.broker.read(name("account.events")))
    events = [r for r in records if r.value.schema == "account_event"]
    by_account = collections.defaultdict(list)
    partitions = collections.defaultdict(set)
    for record in events:
        by_account[record.value["account"]].append(record.value)
        partitions[record.value["account"]].add(record.partition)
        same(record.key.decode(), record.value["account"], "key")
        same(record.value["late"], False, "late")
        same(record.value["effective_ms"], record.value["event_ms"], "effective_ms")
    check(all(len(places) == 1 for places in partitions.values()), "one partition per account")
    for customer in {row.customer for row in ROWS}:
        same([(v["event_ms"], v["amount_minor"], v["type"]) for v in by_account[customer]],
             [(r.time_ms, r.amount_minor, "erp.order" if r.amount_minor >= 0 else "erp.return")
              for r in ROWS if r.customer == customer], f"events of {customer}")
    ticks = [r for r in records if r.value.schema == "control" and r.value["kind"] == "TICK"]
    check(all(r.value["at_ms"] % orders.DAY_MS == 0 for r in ticks), "ticks at days")
    last = collections.defaultdict(int)
    for record in ticks:
        key = record.partition, record.value["writer"]
        check(record.value["at_ms"] > last[key], "a writer's ticks rise")
        last[key] = record.value["at_ms"]
    same(set(last.values()), {UNTIL_MS}, "last ticks")
    same(len(last), PARTITIONS * PARTITIONS, "writers of all partitions")


@test("accounts: counts, sums and times equal the CSV's", needs=line_runs)
def accounts(line):
    latest = line.broker.latest(name("accounts"))
    oracle = orders.account_oracle(ROWS)
    same(sorted(key.decode() for key in latest), sorted(oracle), "accounts")
    for key, record in latest.items():
        expected = oracle[key.decode()]
        same({field: record.value[field] for field in expected}, expected, f"account {key}")
        same((record.value["account"], record.value["currency"], record.value["late_count"]),
             (key.decode(), "EUR", 0), "name, currency and late events")
        same(sum(t["count"] for t in record.value["types"]), expected["event_count"], "by type")
        same(sum(t["sum_minor"] for t in record.value["types"]), expected["order_sum_minor"],
             "sum by type")
        for age in ("30", "90", "365"):
            check(0 < record.value["orders_decayed_" + age] <= expected["order_count"],
                  "decayed orders", record.value)


@test("accounts: the latest revision of the state names its place in the log", needs=line_runs)
def account_lsn(line):
    last_offset = {}
    for record in decoded(line.broker.read(name("account.events"))):
        if record.value.schema == "account_event":
            last_offset[record.key] = record.partition, record.offset
    for key, record in line.broker.latest(name("accounts")).items():
        partition, offset = last_offset[key]
        same(record.partition, partition, f"partition of {key}")
        lsn = record.headers.get("lsn", b"")
        check(lsn.isdigit() and int(lsn) >= offset, f"header lsn of {key}:", record.headers)


@test("alerts: ids, revisions and statuses are a legal life, and agree with accounts",
      needs=line_runs)
def alerts(line):
    lives = collections.defaultdict(list)
    records = decoded(line.broker.read(name("alerts")))
    for record in records:
        same(record.key.decode(), record.value["account"], "key")
        lives[record.value["alert_id"]].append(record.value)
    by_account = collections.defaultdict(list)
    statuses = collections.Counter()
    for alert_id, life in lives.items():
        same([a["revision"] for a in life], list(range(len(life))), f"revisions of {alert_id}")
        words = [a["status"] for a in life]
        account, rule, episode = alert_id.rsplit("/", 2)
        is_warning = rule == "churn.silence"
        check(is_warning or rule == "opportunity", alert_id)
        statuses.update(words if is_warning else [rule])
        check(words[0] == "OPENED" and set(words[1:-1]) <= {"UPDATED"}
              and (len(words) == 1 or words[-1] in ("UPDATED", "RESOLVED", "EXPIRED")),
              alert_id, words)
        same({a["opened_ms"] for a in life}, {life[0]["at_ms"]}, f"opened_ms of {alert_id}")
        check(life[0]["probability"] >= (0.8 if is_warning else 0.55), "opens at", life[0])
        for earlier, later in zip(life, life[1:]):
            check(later["at_ms"] >= earlier["at_ms"], "time goes on", alert_id)
        for alert in life:
            check(not is_warning or alert["status"] != "RESOLVED" or alert["probability"] < 0.6,
                  alert)
            same(alert["historic"], True, "historic, of a history of 1997")
        same({(a["account"], a["rule"]) for a in life}, {(account, rule)}, alert_id)
        by_account[account].append((int(episode), alert_id))
    check(min(statuses[s] for s in ("OPENED", "UPDATED", "RESOLVED", "EXPIRED",
                                    "opportunity")) > 0,
          "the history has all kinds of lives", statuses)
    diag(f"{len(lives)} alerts: {dict(statuses)}")
    for account, record in line.broker.latest(name("accounts")).items():
        episodes = sorted(by_account[account.decode()])
        same([e for e, _ in episodes], list(range(1, len(episodes) + 1)), f"episodes of {account}")
        same(record.value["alert_episode"], len(episodes), f"episodes of {account}")
        last = lives[episodes[-1][1]][-1] if episodes else None
        same(record.value["alert_open"], last is not None and last["status"] in
             ("OPENED", "UPDATED"), f"open alert of {account}")


@test("alerts: those whom an order ended name it, those of silence name none", needs=line_runs)
def alert_triggers(line):
    event_of = {r.value["event_id"]: r.value for r in decoded(line.broker.read("erp.events"))
                if r.value.schema == "erp_event"}
    for alert in line.broker.values(name("alerts")):
        trigger = alert["trigger_event_id"]
        if trigger is not None:
            same((event_of[trigger]["subject"], event_of[trigger]["event_ms"]),
                 (alert["account"], alert["at_ms"]), f"trigger of {alert['alert_id']}")
        check(alert["rule"] == "opportunity" or alert["status"] != "RESOLVED" or
              trigger is not None, alert)
        check(alert["status"] != "EXPIRED" or trigger is None, alert)


def check_exact(scored, margin_bits):
    total = scored["base_margin"]
    total += math.fsum(r["contribution"] for r in scored["reasons"])
    check(abs(total - scored["margin"]) <= 1e-12, "contributions do not add up:", scored)
    probability = 1 / (1 + math.exp(-scored["margin"]))
    check(abs(probability - scored["probability"]) <= 1e-12, "probability:", scored)
    check(0 < scored["probability"] < 1, scored)
    is_opportunity = scored.get("rule") == "opportunity"  # it has the reasons that hold, or none
    check(is_opportunity or len(scored["reasons"]) == 4, scored)
    check(all(r["code"] and 0 < len(r["text"].encode()) <= 160 for r in scored["reasons"]), scored)
    margin_bits.add(scored["margin"])


@test("alerts and scores: contributions add up to the margin, and that is the probability",
      needs=line_runs)
def exact_reasons(line):
    margins = set()
    bands = ((0.30, "LOW"), (0.50, "GUARDED"), (0.70, "ELEVATED"), (0.85, "HIGH"), (9, "SEVERE"))
    for logical in ("alerts", "scores"):
        values = line.broker.values(name(logical))
        check(len(values) > 100, f"{len(values)} {logical}")
        for value in values:
            check_exact(value, margins)
            if logical == "scores":
                same(value["band"], next(b for top, b in bands if value["probability"] < top),
                     f"band of {value}")
                same(value["abstained"], value["abstained_why"] is not None, "abstained")
    check(len(margins) > 100, "margins differ")


def by_series(line, logical):
    groups = collections.defaultdict(list)
    for record in decoded(line.broker.read(name(logical))):
        value = record.value
        same(record.key.decode(), value["series"], "key")
        same(value["series"], f"{value['definition']}/{value['unit']}/{value['dimension']}", "key")
        groups[value["definition"], value["dimension"]].append(value)
    return groups


def expected_series():
    series = {}
    for word, period_ms, horizon in (("week", orders.WEEK_MS, HORIZON_WEEKS),
                                     ("day", orders.DAY_MS, HORIZON_DAYS)):
        for by_country in (False, True):
            sums = orders.revenue_oracle(ROWS, period_ms, by_country)
            for dimension in {d for d, _ in sums}:
                actual = {start: minor for (d, start), minor in sums.items() if d == dimension}
                definition = f"revenue.{word}.country" if by_country else f"revenue.{word}"
                series[definition, dimension] = (period_ms, horizon, actual)
    return series


@test("forecasts: one of each horizon at each period's close, intervals within each other",
      needs=line_runs)
def forecasts(line):
    groups = by_series(line, "forecasts")
    expected = expected_series()
    same(set(groups), set(expected), "series")
    same(len(expected), 2 * (1 + len(orders.COUNTRIES)), "series")
    for key, values in groups.items():
        period_ms, horizon, actual = expected[key]
        first = min(actual)
        closes = list(range(first + period_ms, UNTIL_MS + 1, period_ms))
        same([(v["origin_ms"], v["horizon"]) for v in values],
             [(close, h) for close in closes for h in range(1, horizon + 1)], f"forecasts of {key}")
        for value in values:
            same(value["target_ms"], value["origin_ms"] + (value["horizon"] - 1) * period_ms,
                 "target_ms")
            ends = [value[f] for f in ("lower_95", "lower_80", "point", "upper_80", "upper_95")]
            check(ends == sorted(ends), f"{key}:", value)
            same((value["unit"], value["period"]),
                 ("EUR", "P1W" if period_ms == orders.WEEK_MS else "P1D"), "unit and period")
            same(value["history_count"], min(256, (value["origin_ms"] - first) // period_ms),
                 "history_count")


def pinball(actual, quantile, share):
    return max(share * (actual - quantile), (share - 1) * (actual - quantile))


def check_accuracy(value, made, actual):
    same(value["actual"], actual, f"actual of {value['series']} at {value['target_ms']}")
    same(value["point"], made["point"], "point")
    same(value["absolute_error"], abs(actual - made["point"]), "absolute error")
    size = abs(actual) + abs(made["point"])
    smape = 2 * abs(actual - made["point"]) / size if size else 0
    check(abs(value["smape"] - smape) <= 1e-12, "smape", value, smape)
    for width, share in (("80", 0.1), ("95", 0.025)):
        low, high = made["lower_" + width], made["upper_" + width]
        same(value["inside_" + width], low <= actual <= high, "inside")
        loss = (pinball(actual, low, share) + pinball(actual, high, 1 - share)) / 2
        check(abs(value["pinball_" + width] - loss) <= 1e-6 * (1 + loss), "pinball", value, loss)


def naive_of(series, key, value):
    """The naive forecast of the same period; a total's is the sum of its parts'."""
    if key[1] == "":
        return sum(naive_of(series, part, value) for part in series
                   if part[0] == key[0] + ".country")
    period_ms, _, actual = series[key]
    known = (value["origin_ms"] - min(actual)) // period_ms
    if known <= 0:
        return 0
    season = SEASONS[period_ms]
    back = season if season > 1 and known >= season else value["horizon"]
    return actual.get(value["target_ms"] - back * period_ms, 0)


@test("forecast.accuracy: actuals equal the CSV's sums, errors are of the forecasts made",
      needs=forecasts)
def accuracy(line):
    made = {(f["series"], f["origin_ms"], f["horizon"]): f
            for f in line.broker.values(name("forecasts"))}
    groups = by_series(line, "forecast.accuracy")
    series = expected_series()
    for key, (period_ms, horizon, actual) in series.items():
        first = min(actual)
        targets = range(first + period_ms, UNTIL_MS - period_ms + 1, period_ms)
        expected = [(target, h) for target in targets for h in range(horizon, 0, -1)
                    if target - (h - 1) * period_ms > first]
        same(sorted((v["target_ms"], -v["horizon"]) for v in groups[key]),
             sorted((target, -h) for target, h in expected), f"accuracies of {key}")
        for value in groups[key]:
            check_accuracy(value, made[value["series"], value["origin_ms"], value["horizon"]],
                           actual.get(value["target_ms"], 0))
            naive = naive_of(series, key, value)
            same((value["naive"], value["naive_absolute_error"]),
                 (naive, abs(naive - value["actual"])), "naive")
    check(sum(1 for v in groups["revenue.week", ""] if v["actual"] != 0) > 80, "weeks with orders")


@test("every output value has its topic's schema, and a consumer's library decodes it as it is",
      needs=line_runs)
def standard_decoding(line):
    for logical, schema in OUTPUTS.items():
        for record in line.broker.read(name(logical)):
            same(BY_ID[int.from_bytes(record.value[1:5], "big")][0], schema, f"schema of {logical}")
            try:
                decode_with_logical_types(record.value)
            except (OverflowError, ValueError) as error:
                check(False, f"{logical}, key {record.key}: {error}:", decode(record.value))


@test("kcat sees keys and headers", needs=line_runs)
def kcat(line):
    result = subprocess.run(
        ["kcat", "-b", line.broker.address, "-C", "-t", name("accounts"), "-e", "-q", "-X",
         "isolation.level=read_committed", "-f", "%k|%h\\n"], capture_output=True, timeout=60,
        check=True)
    seen = [text.rsplit("|", 1) for text in result.stdout.decode().splitlines()]
    same({key for key, _ in seen}, {row.customer for row in ROWS}, "keys")
    check(all(headers.startswith("lsn=") and headers[4:].isdigit() for _, headers in seen), seen)


@test("tail shows what the independent reader reads", needs=line_runs)
def tail(line):
    for logical in OUTPUTS:
        shown = {(r["partition"], r["offset"]): r
                 for r in map(json.loads, line.call("tail", logical, app=APP).out.splitlines())}
        read = decoded(line.broker.read(name(logical)))
        same(len(shown), len(read), f"records of {logical}")
        for record in read:
            other = shown[record.partition, record.offset]
            same(other["value"], dict(record.value), f"{logical} {record.partition}/"
                 f"{record.offset}")
            same((other["key"], other["timestamp"], other["topic"]),
                 (record.key.decode(), record.timestamp_ms, name(logical)), "key and timestamp")


@test("a second run has nothing to do and says nothing more", needs=line_runs)
def again(line):
    before = {logical: line.broker.read(name(logical)) for logical in OUTPUTS}
    line.run_history(APP, "--series.dimensions", "country")
    for logical, records in before.items():
        same(len(line.broker.read(name(logical))), len(records), f"records of {logical}")


if __name__ == "__main__":
    check(MAP, "the mapping")
    run(world())
