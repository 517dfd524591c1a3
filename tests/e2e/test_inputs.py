#!/usr/bin/env python3
"""Several inputs and the live clock: silence alone moves time on, and raises an alert.

When an account with nothing but orders is looked at depends only on these, and is a full hour. So
a twin whose orders lie years back tells how long after the last order the alert opens; the account
under test gets the same orders, dated so that this moment is the latest full hour, long after all
events. What comes from other sources is of an account of its own: it is judged by all of it.
"""

import collections
import signal
import time

from lib.avro import encode
from lib.kafka import decoded
from lib.program import PARTITIONS, world
from lib.tap import check, diag, run, same, test

DAY_MS = 86400000
TICK_MS, IDLE_MS = 1000, 500
INPUTS = ("erp.events", "iot.events", "marketing.events")
LIVE = ("--inputs", ",".join(INPUTS), "--clock", "live", "--tick.ms", str(TICK_MS),
        "--idle.ms", str(IDLE_MS), "--kafka.session.timeout.ms", "6000")
APP, LOG, NAMES = "live", "live.account.events", "live.identity.events"
HOUR_MS = 3600000
PATIENCE_S = 30
GAPS_DAYS = (0, 11, 23, 34)
SLACK_MS = 5000    # of a busy machine


def now_ms():
    return int(time.time() * 1000)


def order(account, at_ms, serial):
    return account.encode(), encode("erp_event", {
        "event_id": f"{account}-{serial}", "source": "shop", "type": "erp.order",
        "subject": account, "event_ms": at_ms, "trace_id": None, "amount_minor": 900,
        "currency": "EUR", "quantity": 1, "attrs": {}})


def orders(account, last_ms):
    return [order(account, last_ms - (GAPS_DAYS[-1] - gap) * DAY_MS, i)
            for i, gap in enumerate(GAPS_DAYS)]


def reading(account, at_ms, serial, value):
    return account.encode(), encode("iot_event", {
        "event_id": f"reading-{serial}", "source": "iot", "type": "iot.reading",
        "subject": account, "event_ms": at_ms, "trace_id": None, "name": "temperature",
        "value": value, "unit": "CEL", "attrs": {"site": "Bergen"}})


def contact(account, at_ms, serial):
    return account.encode(), encode("marketing_event", {
        "event_id": f"contact-{serial}", "source": "marketing", "type": "email.opened",
        "subject": account, "event_ms": at_ms, "trace_id": "t-1", "name": "spring-renewal",
        "attrs": {}})


def end_of_input(at_ms):
    return encode("control", {"kind": "END", "writer": "test", "at_ms": at_ms, "ingest_ms": 0,
                              "inputs": []})


def alerts_of(line, app, account):
    return [r for r in decoded(line.broker.read(f"{app}.alerts"))
            if r.value["account"] == account and r.value["rule"] == "churn.silence"]


def wait_for(what, look, process=None, log_of=None):
    """The first thing that look() returns, within bounds."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        check(process is None or process.poll() is None, f"{what}: the program has ended:",
              log_of(process)[-1500:] if log_of else "")
        check(time.monotonic() < end, f"{what} did not come within {PATIENCE_S} s;",
              log_of(process)[-1500:] if log_of else "")
        time.sleep(0.2)


@test("an account of long ago tells when silence raises the alert")
def twin(line):
    line.call("topics", "create", "--inputs", ",".join(INPUTS), app=APP)
    last_ms = now_ms() // HOUR_MS * HOUR_MS - 500 * DAY_MS
    line.broker.produce("erp.events", orders("twin", last_ms))
    line.broker.produce("erp.events", [(b"end", end_of_input(last_ms + 250 * DAY_MS), p)
                                       for p in range(PARTITIONS)])
    line.call("run", "--until-end", "--from-beginning", "--inputs", "erp.events", "--clock",
              "data", "--tick.ms", str(DAY_MS), app="twin")
    opened = alerts_of(line, "twin", "twin")[0].value
    same((opened["status"], opened["historic"], opened["trigger_event_id"]),
         ("OPENED", True, None), "the twin's alert")
    line.silence_ms = opened["at_ms"] - last_ms
    check(DAY_MS < line.silence_ms < 200 * DAY_MS and line.silence_ms % HOUR_MS == 0,
          f"{line.silence_ms} ms of silence")
    diag(f"the alert opens {line.silence_ms / DAY_MS:.2f} days after the last order")


@test("three inputs written with fastavro arrive in one log, with what each of them says",
      needs=twin)
def three_inputs(line):
    # Orders before anything runs: once the wall clock drives, such old ones would be late.
    line.due_ms = (now_ms() - SLACK_MS) // HOUR_MS * HOUR_MS
    line.last_ms = line.due_ms - line.silence_ms
    both = zip(orders("silent", line.last_ms), orders("known", line.last_ms))
    line.broker.produce("erp.events", [record for pair in both for record in pair])
    line.broker.produce("iot.events", [reading("known", line.last_ms + i * 1000, i, 20.5 + i)
                                       for i in range(3)])
    line.broker.produce("marketing.events", [contact("known", line.last_ms + 7000, 0)])
    line.call("run", "--until-end", *LIVE, "--clock", "data", app=APP)
    by_type = collections.defaultdict(list)
    for record in decoded(line.broker.read(LOG)):
        if record.value.schema == "account_event" and record.value["account"] == "known":
            by_type[record.value["type"]].append(record.value)
            same(record.value["late"], False, f"late, of {record}")
    same({t: len(e) for t, e in by_type.items()},
         {"erp.order": len(GAPS_DAYS), "iot.reading": 3, "email.opened": 1}, "events")
    same([(e["name"], e["value"], e["unit"], e["attrs"]) for e in by_type["iot.reading"]],
         [("temperature", 20.5 + i, "CEL", {"site": "Bergen"}) for i in range(3)], "readings")
    same([(e["name"], e["trace_id"], e["amount_minor"], e["value"])
          for e in by_type["email.opened"]], [("spring-renewal", "t-1", None, None)], "contacts")


@test("silence: ticks by the wall clock, of every partition of every input", needs=three_inputs)
def ticks(line):
    same(alerts_of(line, APP, "silent"), [], "alerts while only data moves the clock")
    line.process = line.start("run", *LIVE, app=APP)
    wait_for("the wall clock", lambda: any(
        r.value.schema == "control" and r.value["at_ms"] > line.due_ms
        for r in decoded(line.broker.read(NAMES))), line.process, line.log_of)
    time.sleep(1)
    began_ms = now_ms()
    time.sleep(4)
    controls = [r for r in decoded(line.broker.read(NAMES)) if r.value.schema == "control"]
    told = [r.value for r in controls if r.value["kind"] == "INPUTS"]
    same({tuple((i["topic"], i["partition_count"]) for i in t["inputs"]) for t in told},
         {tuple((topic, PARTITIONS) for topic in INPUTS)}, "the set of inputs")
    by_writer = collections.defaultdict(list)
    for record in controls:
        if record.value["kind"] == "TICK" and record.partition == 0:
            by_writer[record.value["writer"]].append(record)
    same(sorted(by_writer), sorted(f"{t}/{p}" for t in INPUTS for p in range(PARTITIONS)),
         "writers of ticks")
    for writer, records in by_writer.items():
        times = [r.value["at_ms"] for r in records]
        check(times == sorted(set(times)) and all(t % TICK_MS == 0 for t in times),
              f"ticks of {writer}: {times}")
        recent = [r for r in records if r.timestamp_ms > began_ms]
        check(3 <= len(recent) <= 6, f"{len(recent)} ticks of {writer} in 4 s")
        for record in recent:
            behind_ms = record.timestamp_ms - record.value["at_ms"]
            check(0 <= behind_ms < SLACK_MS, f"a tick of {writer} lies {behind_ms} ms behind")
            check(abs(record.value["ingest_ms"] - record.timestamp_ms) < SLACK_MS, record)


@test("silence long enough opens an alert, without any event, as of when it was due, and live",
      needs=ticks)
def silent_alert(line):
    record = wait_for("the alert", lambda: alerts_of(line, APP, "silent"))[0]
    alert = record.value
    same((alert["status"], alert["revision"], alert["at_ms"], alert["opened_ms"]),
         ("OPENED", 0, line.due_ms, line.due_ms), "the alert")
    same((alert["trigger_event_id"], alert["historic"]), (None, False), "trigger and historic")
    same([r.value["historic"] for r in alerts_of(line, APP, "twin")][:1], [True],
         "historic, of the twin in the same application")
    same(line.broker.read(f"{APP}.dlq"), [], "dead letters")


@test("a live event is in the account's state within seconds", needs=ticks)
def live_event(line):
    sent_ms = now_ms()
    line.broker.produce("erp.events", [order("known", sent_ms, "live")])
    line.broker.produce("iot.events", [reading("known", sent_ms, "live", 3.5)])

    def account():
        record = line.broker.latest(f"{APP}.accounts").get(b"known")
        count = len(GAPS_DAYS) + 4 + 2
        return record if record is not None and record.value["event_count"] == count else None

    record = wait_for("the state", account)
    check(record.timestamp_ms - sent_ms < SLACK_MS, f"{record.timestamp_ms - sent_ms} ms")
    same((record.value["order_count"], record.value["last_order_ms"]),
         (len(GAPS_DAYS) + 1, sent_ms), "orders")
    same({t["type"]: t["count"] for t in record.value["types"]},
         {"erp.order": len(GAPS_DAYS) + 1, "iot.reading": 4, "email.opened": 1}, "types")
    diag(f"published {record.timestamp_ms - sent_ms} ms after it was sent")


@test("SIGTERM ends a quiet line at once, and the restart does not go back in time",
      needs=ticks)
def restart(line):
    line.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    same(line.finish(line.process, 20), 0, "exit code")
    check(time.monotonic() - began < 5, f"it took {time.monotonic() - began:.1f} s")
    before = len(line.broker.read(LOG))
    alerts = len(line.broker.read(f"{APP}.alerts"))
    again = line.start("run", *LIVE, app=APP)
    wait_for("ticks after the restart", lambda: len(line.broker.read(LOG)) > before + 100)
    again.send_signal(signal.SIGINT)
    check(line.finish(again, 20) in (0, 130), f"exit code {again.returncode}")
    last = collections.defaultdict(int)
    for record in decoded(line.broker.read(LOG)):
        if record.value.schema == "control" and record.value["kind"] == "TICK":
            place = record.partition, record.value["writer"]
            check(record.value["at_ms"] > last[place], f"the tick of {place} goes back")
            last[place] = record.value["at_ms"]
    same(len(line.broker.read(f"{APP}.alerts")), alerts, "alerts")


@test("an input that is added later joins the clock and does not stop it", needs=restart)
def added_input(line):
    inputs = (*INPUTS, "crm.events")
    line.call("topics", "create", "--inputs", ",".join(inputs), app=APP)
    process = line.start("run", *LIVE, "--inputs", ",".join(inputs), app=APP)

    def crm_ticks():
        return [r for r in decoded(line.broker.read(NAMES)) if r.value.schema == "control"
                and r.value["writer"].startswith("crm.events/")]

    wait_for("ticks of crm.events", crm_ticks, process, line.log_of)
    sent_ms = now_ms()
    line.broker.produce("crm.events", [(b"silent", encode("crm_event", {
        "event_id": "crm-1", "source": "crm", "type": "opportunity.won", "subject": "silent",
        "event_ms": sent_ms, "trace_id": None, "name": "won", "amount_minor": 5000,
        "currency": "EUR", "attrs": {}}))])
    wait_for("the CRM event", lambda: any(
        t["type"] == "opportunity.won"
        for t in line.broker.latest(f"{APP}.accounts")[b"silent"].value["types"]))
    process.send_signal(signal.SIGTERM)
    same(line.finish(process, 20), 0, "exit code")
    same(line.broker.read(f"{APP}.dlq"), [], "dead letters")


if __name__ == "__main__":
    run(world())
