#!/usr/bin/env python3
"""Who is who on a real Kafka: two processes of two workers each share the stages, each is killed
once in the middle; in the end every name stands under its true account and every record is
accounted for."""

import collections
import csv
import json
import os
import signal
import time

from lib.avro import decode, names_and_waiting
from lib.kafka import decoded
from lib.program import World, world
from lib.tap import check, diag, run, same, test

TOPICS = ("crm.events", "erp.events", "iot.events", "marketing.events", "support.events",
          "content.events", "market.events")
COMPANY = ("--accounts", "60", "--months", "3", "--seed", "21", "--mislinked", "0.2",
           "--unlinked", "0.03")
RUN = ("run", "--inputs", ",".join(TOPICS), "--clock", "data", "--tick.ms", "1d",
       "--workers", "2", "--commit.interval.ms", "20", "--kafka.session.timeout.ms", "6000")
APP = "who"
PLACES = b"region:", b"site:"  # what happens there is told to all, and is in no account


def key_of(scheme, value):
    if scheme == "crm.account":
        return value
    return f"{scheme}:{value.lower() if scheme == 'email' else value}"


def committed(line):
    return sum(line.broker.ends(f"{APP}.account.events", committed=True).values())


def wait_beyond(line, count):
    end = time.monotonic() + 90
    while committed(line) <= count and time.monotonic() < end:
        time.sleep(0.05)
    check(committed(line) > count, "nothing more comes out")


@test("two processes, each killed once, and a last run to the end")
def shared(line):
    folder = line.path("company")
    same(line.bare("simulate", *COMPANY, "--out", folder).code, 0, "simulate")
    with open(os.path.join(folder, "truth/manifest.json"), encoding="utf-8") as file:
        line.told = json.load(file)["total"]
    with open(os.path.join(folder, "truth/identities.csv"), encoding="utf-8", newline="") as file:
        line.truth = list(csv.DictReader(file))
    line.call("topics", "create", "--inputs", ",".join(TOPICS), app=APP)
    other = World(line.broker, line.path("other"))
    os.mkdir(other.folder)
    other.processes = line.processes
    both = [(w, w.start(*RUN, app=APP)) for w in (line, other)]
    line.call("simulate", *COMPANY, "--kafka", timeout=120)
    for index, (owner, process) in enumerate(both):
        wait_beyond(line, committed(line))
        process.send_signal(signal.SIGKILL)
        process.wait()
        diag(f"killed at {committed(line)} records in account.events")
        both[index] = owner, owner.start(*RUN, app=APP)
    wait_beyond(line, committed(line) - 1)
    for owner, process in both:
        process.send_signal(signal.SIGTERM)
        same(owner.finish(process), 0, owner.log_of(process)[-1500:])
    line.call(*RUN, "--until-end", app=APP, timeout=150)


@test("each name stands under its true account; what was planted wrong is wrong, and nothing else",
      needs=shared)
def true_accounts(line):
    found, line.waiting = names_and_waiting(line.broker.read(f"{APP}.identity.meta"))
    line.names = names = {name.decode(): state for name, state in found.items()}
    into = {k.decode(): r.value["merged_into"] for k, r in
            line.broker.latest(f"{APP}.accounts").items()}

    def final(account):
        while into.get(account):
            account = into[account]
        return account

    found = collections.Counter()
    for row in line.truth:
        state = names.get(key_of(row["scheme"], row["value"]))
        if state is None:
            continue
        account = final(state["account"])
        found[row["link"]] += 1
        if row["link"] == "unlinked":
            check(not account.startswith("C-"), row, account)
        else:
            same(account, row["linked_to"] or row["account"], row)
    diag(dict(found))
    check(found["linked"] > 500 and found["mislinked"] > 10 and found["unlinked"] > 5, found)


@test("events = in accounts + of places + waiting; repeats and malformed records to the record",
      needs=true_accounts)
def conservation(line):
    held = line.waiting
    log = [r for r in line.broker.read(f"{APP}.account.events")
           if decode(r.value).schema == "account_event" and not r.key.startswith(PLACES)]
    first = collections.Counter(decode(r.value)["event_id"] + decode(r.value)["source"]
                                for r in log if "moved-from" not in r.headers)
    diag(f"{len(log)} events in account.events, {len(log) - first.total()} of them sent on")
    dead = collections.Counter((r.headers["stage"], r.headers["error"])
                               for r in line.broker.read(f"{APP}.dlq"))
    diag(dict(dead))
    same(max(first.values()), 1, "an event twice")
    same(sum(n["event_count"] for n in line.names.values()), line.told["events"], "of names")
    places = sum(n["event_count"] for name, n in line.names.items()
                 if name.encode().startswith(PLACES))
    same(len(first) + held + places, line.told["events"],
         "events in account.events, of places, and waiting")
    accounts = line.broker.latest(f"{APP}.accounts").values()
    same(sum(a.value["event_count"] for a in accounts) + held + places, line.told["events"],
         "events in accounts, of places, and waiting")
    same(sum(n["duplicate_count"] for n in line.names.values()), line.told["duplicates"],
         "repeats")
    dead = [r for r in line.broker.read(f"{APP}.dlq") if r.headers["stage"] == b"resolve"]
    same(len(dead), line.told["malformed"], "dead letters")
    suggestions = [r.value for r in decoded(line.broker.read(f"{APP}.identity.suggestions"))]
    check(all(s["name"] != s["other"] for s in suggestions), suggestions)
    diag(f"{held} events wait, {len(suggestions)} suggestions")


@test("`identity` shows an account's names and who told of each link", needs=shared)
def shown(line):
    row = next(r for r in line.truth if r["scheme"] == "iot.device" and r["link"] == "linked")
    text = line.call("identity", f"iot.device:{row['value']}", app=APP).out
    check(text.startswith(f"account {row['account']}\n"), text)
    check(f"  iot.device:{row['value']}\n" in text and "told by event" in text, text)
    same(line.call("identity", row["account"], app=APP).out, text, "by its account")
    result = line.call("identity", "email:nobody@nowhere.example", app=APP, code=1)
    check("nothing is known of" in result.err, result)


if __name__ == "__main__":
    run(world())
