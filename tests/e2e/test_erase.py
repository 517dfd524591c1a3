#!/usr/bin/env python3
"""Erasing a customer on a real Kafka, looked at with another client: no compacted topic, no store
and no later application has them; what remains is where the command says."""

import csv
import glob
import json
import os
import re
import shutil
import signal

from confluent_kafka import TopicPartition
from lib.avro import decode, encode
from lib.program import world
from lib.tap import check, diag, run, same, test
from lib.watch import await_true

SOURCES = ("crm", "erp", "iot", "marketing", "support", "content", "market")
INPUTS = tuple(f"{source}.events" for source in SOURCES)
COMPANY = ("--accounts", "14", "--months", "3", "--seed", "9")
LIVE = ("run", "--clock", "data", "--tick.ms", "1d", "--kafka.fetch.wait.max.ms", "20")
RUN = (*LIVE, "--until-end")
APP = "gone"
LOGS = ("identity.events", "account.events", "alerts", "scores", "examples", "lessons",
        "identity.suggestions", "series.points", "forecasts", "forecast.accuracy", "drift",
        "models", "webhook.parked", "dlq")
COMPACTED = ("resolve.meta", "identity.meta", "account.meta", "accounts", "forecast.series",
             "forecast.meta", "gather.meta", "learn.meta")


def key_of(row):
    scheme, value = row["scheme"], row["value"]
    if scheme == "crm.account":
        return value
    return f"{scheme}:{value.lower() if scheme == 'email' else value}"


def tells(data, names):
    """Whether bytes have one of the names' values, not as a part of a longer word."""
    return data is not None and any(
        re.search(rb"(?<![\w.-])" + re.escape(name) + rb"(?![\w-])", data, re.IGNORECASE)
        for name in names)


def latest(broker, topic):
    found = {}
    for record in broker.read(topic):
        found[record.key] = record.value
    return {key: value for key, value in found.items() if value is not None}


def holding(broker, topics, names):
    return {topic: sum(tells(r.key, names) or tells(r.value, names) for r in broker.read(topic))
            for topic in topics}


@test("a company runs through; without --yes nothing is erased")
def played(line):
    folder = line.path("company")
    same(line.bare("simulate", *COMPANY, "--out", folder).code, 0, "simulate")
    with open(os.path.join(folder, "truth/identities.csv"), encoding="utf-8", newline="") as file:
        truth = [row for row in csv.DictReader(file) if row["link"] == "linked"]
    line.call("topics", "create", app=APP)
    line.call("simulate", *COMPANY, "--kafka", timeout=120)
    line.call(*RUN, app=APP, timeout=150)
    line.truth = truth
    row = next(r for r in truth if r["scheme"] == "iot.device")
    line.account = row["account"]
    line.names = sorted({r["value"].encode() for r in truth if r["account"] == line.account})
    line.one = f"iot.device:{row['value']}"
    held = holding(line.broker, (f"{APP}.accounts", f"{APP}.identity.meta"), line.names)
    check(all(held.values()), held)
    text = line.call("erase", line.one, app=APP).out
    check(f"account {line.account}, " in text and "--yes does it" in text, text)
    check("identity.decisions" not in text, text)
    same(line.broker.read("identity.decisions"), [], "decisions")


def left_of(line, app, names):
    """Where one of the names is a key, or in the last value of one, of a compacted topic."""
    return [(topic, k) for topic in COMPACTED
            for k, v in latest(line.broker, f"{app}.{topic}").items()
            if tells(k, names) or tells(v, names)]


@test("an account is erased while the stages run: no compacted topic has it any more",
      needs=played)
def erased(line):
    line.stages = line.start(*LIVE, app=APP)
    line.said = line.call("erase", line.one, "--yes", "--wait", "60", app=APP, timeout=100).out
    check("erased: no state" in line.said, line.said)
    same(left_of(line, APP, line.names), [], "left")
    same([r for r in line.broker.read("identity.decisions") if tells(r.key, line.names)], [],
         "the decisions have hashes alone")
    same(line.call("erase", line.one, app=APP, code=1).err.count("nothing is known of"), 1, "known")


@test("what remains in the logs is what the command printed, to the record", needs=erased)
def remains(line):
    printed = {m[1]: int(m[2]) for m in
               re.finditer(r"^ +(\S+) +(\d+) records", line.said, re.MULTILINE)}
    topics = INPUTS + tuple(f"{APP}.{topic}" for topic in LOGS)
    diag(printed)
    # of a name that stood in malformed records alone nothing was known
    known = [m[1].rsplit(":", 1)[-1].encode() for m in
             re.finditer(r"^  (\S+)$", line.said, re.MULTILINE)]
    check(set(known) <= set(line.names), known, line.names)
    found = {t: n for t, n in holding(line.broker, topics, known).items() if n}
    same(printed, found, "records that tell of the account")
    check(re.search(r"erp\.events +\d+ records +for ever", line.said), line.said)
    check(re.search(rf"{APP}\.scores +\d+ records +until 20", line.said), line.said)
    check(f"{APP}.accounts" in line.said and "until the brokers compact" in line.said, line.said)


@test("late events of an erased account, and names that lead to it, go no further than resolve",
      needs=remains)
def late(line):
    record = next(r for r in line.broker.read("erp.events")
                  if decode(r.value).get("subject_scheme") == "erp.customer"
                  and decode(r.value)["subject"].encode() in line.names)
    again = decode(record.value)
    again["event_id"] = "late-1"
    new = dict(decode(record.value), event_id="late-2", subject="99999999",
               identifiers=[{"scheme": again["subject_scheme"], "value": again["subject"]}])
    line.broker.produce("erp.events", [(record.key, encode("erp_event", again)),
                                       (b"99999999", encode("erp_event", new))])
    crm = next(e for e in (decode(r.value) for r in line.broker.read("crm.events"))
               if e.get("subject_scheme") == "crm.account" and e["payload"]
               and e["payload"]["account"])
    account = dict(crm["payload"]["account"], merged_into=line.account)
    merged = dict(crm, event_id="late-3", subject="Z-9", identifiers=[],
                  payload=dict(crm["payload"], account=account))
    line.broker.produce("crm.events", [(b"Z-9", encode("crm_event", merged))])

    def dropped():
        counted = [decode(v) for v in latest(line.broker, f"{APP}.resolve.meta").values()]
        return sum(c["erased_count"] for c in counted if c.schema == "resolve_input") == 3

    # by the process that ran already when the name was erased
    await_true("resolve drops all three", dropped, 30)
    log = line.broker.read(f"{APP}.identity.events")
    for event_id in (b"late-1", b"late-2", b"late-3"):
        check(not any(event_id in (r.value or b"") for r in log), f"{event_id} got into the log")
    line.stages.send_signal(signal.SIGTERM)
    same(line.finish(line.stages), 0, line.log_of(line.stages)[-1500:])


@test("nor has the store the account, nor what is restored from Kafka", needs=late)
def stored(line):
    line.call(*RUN, "resolve", "--compact", app=APP, timeout=100)
    for path in glob.glob(line.path("state/**/*.sst"), recursive=True) + \
            glob.glob(line.path("state/**/*.log"), recursive=True):
        with open(path, "rb") as file:
            check(not tells(file.read(), line.names), path)
    shutil.rmtree(line.state_folder(APP))
    line.call(*RUN, app=APP, timeout=100)
    same(left_of(line, APP, line.names), [], "left")
    result = line.call("erase", line.one, "--yes", app=APP, code=1)
    check("nothing is known of" in result.err, result)
    text = line.call("identity", "--totals", app=APP).out
    check("that is every one of them" in text and "3 events of erased names" in text, text)
    check(re.search(r" [1-9]\d+ gone with [1-9]\d* erased names", text), text)


@test("a link that was wrong is cut", needs=played)
def split(line):
    mail = next(r for r in line.truth if r["scheme"] == "erp.customer"
                and r["account"] != line.account)
    name, account = f"erp.customer:{mail['value']}", mail["account"]
    shown = line.call("identity", name, app=APP).out
    parent = re.search(rf"  {re.escape(name)}\n.*\n +leads to (\S+),", shown)[1]
    result = line.call("identity", name, "--split-from", "C-9999999", app=APP, code=1)
    check("no event has linked these two" in result.err and parent in result.err, result)
    text = line.call("identity", name, "--split-from", parent, app=APP).out
    check(f"the link of {name} to {parent} is cut" in text, text)
    line.cut = name, parent, account


@test("a replay under another name leaves the account out from its first record on", needs=split)
def replayed(line):
    line.call(*RUN, "--from-beginning", app="again", timeout=150)
    topics = tuple(f"again.{topic}" for topic in LOGS + COMPACTED if topic != "dlq")
    held = {t: n for t, n in holding(line.broker, topics, line.names).items() if n}
    same(held, {}, "what the replay has of the account")
    others = latest(line.broker, "again.accounts")
    check(len(others) > 13, len(others))
    diag(json.dumps({"accounts": len(others)}))
    name, _, account = line.cut
    names = {k.rsplit(b"/name/", 1)[1].decode(): decode(v)
             for k, v in latest(line.broker, "again.identity.meta").items() if b"/name/" in k}
    same(names[name]["account"], name, "the account of the name that was split off")
    check(names[account]["account"] == account, names[account])


@test("where an input has lost records, a link is not cut, but a cut can be taken back",
      needs=replayed)
def impossible(line):
    name, parent, _ = line.cut
    decided = sum(line.broker.ends("identity.decisions", False).values())
    where = next(p for p, end in line.broker.ends("crm.events", False).items() if end > 1)
    for future in line.broker.admin.delete_records(
            [TopicPartition("crm.events", where, 1)]).values():
        future.result(30)
    result = line.call("identity", name, "--split-from", parent, app=APP, code=1)
    check(f"crm.events/{where} begins at offset 1:" in result.err
          and "so the two stay one account" in result.err, result)
    same(sum(line.broker.ends("identity.decisions", False).values()), decided, "decisions")
    text = line.call("identity", name, "--split-from", parent, "--undo", app=APP).out
    check(f"the link of {name} to {parent} is no longer cut" in text, text)


if __name__ == "__main__":
    run(world())
