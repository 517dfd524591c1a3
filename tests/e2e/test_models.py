#!/usr/bin/env python3
"""What was learnt judges, people answer, and what was said then is explained: on a real Kafka.

A simulated company that ends in these days goes through the line, whose learn stage makes its
versions active by itself. Then `models`, `feedback` and `explain --at` are held against the topics.
"""

import datetime

from lib.kafka import decoded
from lib.program import world
from lib.tap import check, diag, run, same, test

TOPICS = ("crm.events", "erp.events", "iot.events", "marketing.events", "support.events",
          "content.events", "market.events")
LINE = ("--inputs", ",".join(TOPICS), "--clock", "data", "--tick.ms", "1d")
APP, MONTHS, ACCOUNTS = "learns", 8, 30


def first_day():
    """The Monday from which MONTHS end before today."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    months = today.year * 12 + today.month - 1 - MONTHS
    day = datetime.date(months // 12, months % 12 + 1, min(today.day, 28))
    return day - datetime.timedelta(days=day.weekday() + 7)


def values(line, topic):
    return [r.value for r in decoded(line.broker.read(f"{APP}.{topic}"))]


def process(line):
    line.call("run", "--until-end", *LINE, "--model.activate", "auto", app=APP, timeout=300)


@test("each version that is learnt becomes active")
def learns(line):
    line.call("topics", "create", "--inputs", ",".join(TOPICS), app=APP)
    line.call("simulate", "--kafka", "--accounts", str(ACCOUNTS), "--months", str(MONTHS),
              "--seed", "5", "--start", first_day().isoformat(), "--clean", timeout=300)
    process(line)
    line.models = values(line, "models")
    check(len(line.models) > 3, f"{len(line.models)} versions")
    log = values(line, "account.events")
    active = [v for v in log if v.schema == "model"]
    same({v["version"] for v in active}, {v["version"] for v in line.models}, "active versions")
    check(all(v["is_active"] for v in active), "not active")


@test("`models` shows them, and makes an earlier one active again", needs=learns)
def models(line):
    shown = line.call("models", app=APP).out
    for version in line.models:
        check(version["version"] in shown, f"{version['version']} is not in\n{shown}")
    line.call("models", "activate", line.models[0]["version"], app=APP)
    last = [v for v in values(line, "account.events") if v.schema == "model"][-1]
    same((last["version"], last["is_active"]), (line.models[0]["version"], True), "the last one")
    line.call("models", "activate", "0123456789abcdef", app=APP, code=1)
    check("too few to grow trees" in line.call("models", "grow", app=APP).out, "models grow")


def explain(line, account, at_ms):
    at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.timezone.utc)
    return line.call("explain", account, "--at", at.strftime("%Y-%m-%dT%H:%M:%SZ"), app=APP).out


@test("an account is explained as it was, and as it is", needs=learns)
def explained(line):
    latest = {k.decode(): r.value for k, r in line.broker.latest(f"{APP}.accounts").items()}
    accounts = sorted((k for k, v in latest.items() if not v["merged_into"]),
                      key=lambda k: -latest[k]["event_count"])[:3]
    for account in accounts:
        total, last_ms = latest[account]["event_count"], latest[account]["last_ms"]
        then = explain(line, account, last_ms - 100 * 86400000)
        now = explain(line, account, last_ms + 1000 * 86400000)
        check(f" {total} (" in now.splitlines()[1], f"{total} events are in accounts, not {now}")
        check(f" {total} (" not in then.splitlines()[1], f"all {total} events in {then}")
        for text in ("from the log's first record", "that it leaves within 90 days", "margin"):
            check(text in now, f"{text!r} is not in\n{now}")
        # What other names had said by then may have come to the account later: not known then.
        check("from the log's first record" in then, then)
    line.call("explain", accounts[0], "--at", "1999-01-01", app=APP, code=1)


@test("an alert is answered, acknowledged, then called wrong, and the active model judges it",
      needs=models)
def answered(line):
    last = {a["alert_id"]: a for a in values(line, "alerts")}
    # The feedback comes today: of an account that is heard of until the end, so that it lives.
    still_open = sorted((i for i, a in last.items() if a["status"] in ("OPENED", "UPDATED")),
                        key=lambda i: -last[i]["data_ms"])
    check(still_open, "no alert is open")
    diag(f"{len(last)} alerts, {len(still_open)} open")
    warnings = [i for i in still_open if "/churn.risk/" in i]
    check(warnings, f"no warning to answer among {still_open}")
    for verdict in ("--ack", "--wrong"):
        for alert_id in warnings:
            line.call("feedback", alert_id, verdict, app=None)
        process(line)
    same(line.broker.read(f"{APP}.dlq"), [], "dead letters")
    lives = {i: [a for a in values(line, "alerts") if a["alert_id"] == i] for i in warnings}
    # Some accounts were silent up to the feedback for so long that their alerts end by then.
    answered_ones = [life for life in lives.values() if
                     [a["step"] for a in life[-2:]] == ["ACKNOWLEDGED", "RESOLVED"]]
    diag(f"{len(answered_ones)} of {len(warnings)} were answered in both ways")
    check(answered_ones, f"none was answered: {[[a['step'] for a in v] for v in lives.values()]}")
    same({life[-1]["model_version"] for life in answered_ones}, {line.models[0]["version"]},
         "the model that judges")


if __name__ == "__main__":
    run(world())
