#!/usr/bin/env python3
"""What was learnt judges, people answer, and what was said then is explained: on a real Kafka.

A simulated company that ends in these days goes through the line, whose learn stage makes its
versions active by itself. Then `models`, `feedback` and `explain --at` are held against the topics.
"""

import csv
import datetime
import json
import math
import struct
import time

from lib.avro import encode
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
    check(not any(v["is_active"] for v in active), "nobody commanded it")
    # the history was there at once, and each lesson has what all systems told by its time
    lessons = [v["features"] for v in values(line, "lessons") if v.schema == "lesson"]
    ordered = sum(struct.unpack_from("<f", f, len(f) - 12)[0] >= 0 for f in lessons)
    diag(f"{ordered} of {len(lessons)} lessons know orders")
    check(ordered > 0.6 * len(lessons) > 20, "lessons without orders")


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


NAMES = ("score", "load")
THRESHOLD, LEAVES = 0.25, ((1.1, 1.6), (0.1, 0.4))  # of a tree: at most the threshold, above


def tree(column):
    """A split on a column, as XGBoost writes it: what is less goes left."""
    return {"left_children": [1, -1, -1], "right_children": [2, -1, -1],
            "split_indices": [column, 0, 0], "default_left": [1, 0, 0], "split_type": [0, 0, 0],
            "split_conditions": [THRESHOLD, *LEAVES[column]], "sum_hessian": [10, 6, 4]}


def brought_model(path):
    """A model as XGBoost 3 writes it, its base_score between brackets, of two features."""
    model = {"learner": {
        "feature_names": list(NAMES), "objective": {"name": "binary:logistic"},
        "learner_model_param": {"base_score": "[4E-1]", "num_feature": "2", "num_class": "0"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1"}, "trees": [tree(0), tree(1)]}}}}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(model, out)


def golden(path, rows, off=0):
    """What the model says of some rows of the exported table, `off` added."""
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*NAMES, "prediction"])
        for row in rows:
            values = [float(row[n]) for n in NAMES]
            margin = math.log(0.4 / 0.6) + sum(
                leaves[value >= THRESHOLD] for leaves, value in zip(LEAVES, values))
            writer.writerow([*values, 1 / (1 + math.exp(-margin)) + off])


@test("a model that was trained elsewhere becomes a version and active, once it predicts rightly",
      needs=models)
def brought(line):
    table, model, rows_file = (line.path(n) for n in ("lessons.csv", "model.json", "rows.csv"))
    line.call("models", "export", table, app=APP)
    with open(table, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    lessons = values(line, "lessons")
    same(len(rows), sum(v.schema == "lesson" for v in lessons), "rows of lessons")
    same(sum(r["left"] == "1" for r in rows), sum(v["ended"] for v in lessons if
                                                  v.schema == "lesson"), "who left")
    brought_model(model)
    golden(rows_file, rows[:20], off=0.001)
    refused = line.call("models", "import", model, "--golden", rows_file, app=APP, code=1)
    check("golden predictions" in refused.err, refused)
    golden(rows_file, rows[:20])
    line.call("models", "import", model, "--golden", rows_file, app=APP)
    version = values(line, "models")[-1]
    same((version["example_count"], version["generation"]), (len(rows), -1), "its measurement")
    same(version["is_proven"], False, "proven by lessons that it may have seen")
    day = sorted(r["matured"] for r in rows)[len(rows) // 2][:10]
    line.call("models", "import", model, "--golden", rows_file, "--trained-until", day, app=APP)
    version = values(line, "models")[-1]
    same(version["example_count"], sum(r["matured"] >= day for r in rows), "lessons held out")
    line.call("models", "import", model, "--golden", rows_file, "--trained-until", "2190-01-01",
              app=APP, code=1)
    line.brought = version["version"]
    line.call("models", "activate", line.brought, app=APP)
    check("brought" in line.call("models", app=APP).out, "it is not shown as one")


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


def answered_life(life, sent_ms):
    """What became of an alert that was acknowledged, then called wrong: '' where that is wrong."""
    steps = [a["step"] for a in life]
    if steps[-2:] == ["ACKNOWLEDGED", "RESOLVED"]:
        told = [a["trigger_event_id"] or "" for a in life[-2:]]
        return "answered" if [t.split("-")[0] for t in told] == ["ack", "wrong"] else ""
    # The company ended days ago: the clock went on to the answer, and the alert ended before it.
    last = life[-1]
    by_clock = last["trigger_event_id"] is None and last["at_ms"] < sent_ms
    return "over" if steps[-1] in ("RESOLVED", "EXPIRED") and by_clock else ""


def wrongs(account):
    return account.value["relationship"]["wrong_count"]


def another_says(line, verdict):
    """Another program's word, of an alert that never was and a name with a scheme."""
    name, now_ms = "nobody@gtx.example", round(time.time() * 1000)
    line.broker.produce("crm.events", [(f"email:{name}".encode(), encode("crm_event", {
        "event_id": f"{verdict}-{now_ms}-x", "source": "desk", "type": "foretell.feedback",
        "subject_scheme": "email", "subject": name, "event_ms": now_ms, "name": None,
        "trace_id": None, "amount_minor": None, "currency": None, "identifiers": [],
        "attrs": {"alert_id": f"email:{name}/churn.silence/1", "verdict": verdict}}))])


@test("all warnings are answered, acknowledged, then called wrong, and the active model judges",
      needs=brought)
def answered(line):
    last = {a["alert_id"]: a for a in values(line, "alerts")}
    still_open = [i for i, a in last.items() if a["status"] in ("OPENED", "UPDATED")]
    warnings = [i for i in still_open if "/churn.risk/" in i]
    check(warnings, f"no warning to answer among {still_open}")
    before = line.broker.latest(f"{APP}.accounts")
    sent_ms = time.time() * 1000
    unknown = line.call("feedback", "email:nobody@gtx.example/churn.silence/1", "--ack", app=APP,
                        code=1).err
    check(f"{APP}.alerts holds no alert" in unknown, unknown)
    for verdict in ("--ack", "--wrong"):
        for alert_id in warnings:
            line.call("feedback", alert_id, verdict, app=APP)
        another_says(line, verdict[2:])
        process(line)
    same(line.broker.read(f"{APP}.dlq"), [], "dead letters")
    said = values(line, "alerts")
    after = line.broker.latest(f"{APP}.accounts")
    ends = {}
    for alert_id in warnings:
        life = [a for a in said if a["alert_id"] == alert_id]
        ends[alert_id] = answered_life(life, sent_ms)
        check(ends[alert_id], f"{alert_id} was not answered: {life[-2:]}")
        key = life[0]["account"].encode()
        same(wrongs(after[key]), wrongs(before[key]) + 1, alert_id)
        told = line.call("explain", key.decode(), app=APP).out
        check(f" {wrongs(after[key])} wrong: odds to open the next" in told, told)
        if ends[alert_id] == "answered":
            same(life[-1]["model_version"], line.brought, "the model that judges")
    diag(f"{len(last)} alerts, {len(still_open)} open; {sorted(ends.values())}")
    check("answered" in ends.values(), "all had ended before they were answered")


if __name__ == "__main__":
    run(world())
