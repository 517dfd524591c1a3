#!/usr/bin/env python3
"""Conservation from door to account: a simulated company comes in over HTTP and as files, while the
stages run; every record that was generated is in an account, a repeat that was dropped, waiting,
or a dead letter (or was refused to the sender's face), to the record."""

import json
import os
import re
import signal
import urllib.request

import fastavro

from lib.avro import names_and_waiting
from lib.program import world
from lib.tap import check, diag, run, same, test
from lib.watch import await_true, metrics, value

POSTED = ("crm", "erp", "support")
FILES = ("iot", "marketing", "content", "market")
COMPANY = ("--accounts", "15", "--months", "2", "--seed", "33", "--unlinked", "0.05",
           "--mislinked", "0.1")
RUN = ("run", "--clock", "data", "--tick.ms", "1d", "--commit.interval.ms", "20",
       "--kafka.session.timeout.ms", "6000")
APP = "whole"
PLACES = b"region:", b"site:"  # what happens there is told to all, and is in no account


def addresses(line, door):
    found = {}
    for text in line.log_of(door).splitlines():
        if text.startswith("{") and '"address"' in text:
            row = json.loads(text)
            found[row["msg"]] = row["address"]
    check(door.poll() is None, line.log_of(door))
    names = "the door is open", "serving metrics, health and readiness"
    return tuple(found[name] for name in names) if len(found) == 2 else None


@test("a company comes in through the doors while the stages run")
def played(line):
    folder = line.path("company")
    same(line.bare("simulate", *COMPANY, "--out", folder).code, 0, "simulate")
    with open(os.path.join(folder, "truth/manifest.json"), encoding="utf-8") as file:
        line.told = json.load(file)["total"]
    line.call("topics", "create", app=APP)
    stages = line.start(*RUN, app=APP)
    door = line.start("serve", "--serve.listen", "127.0.0.1:0", "--http.listen", "127.0.0.1:0",
                      app=APP)
    address, watch = await_true("the door listens", lambda: addresses(line, door), 40)
    for source in FILES:
        line.call("ingest", "avro", "--topic", f"{source}.events",
                  os.path.join(folder, f"{source}.events.avro"), app=APP)
    # bytes that are no Avro go into no container of events: another producer sends them
    with open(os.path.join(folder, "broken.avro"), "rb") as file:
        for row in fastavro.reader(file):
            if row["topic"].split(".")[0] in FILES:
                line.broker.produce(row["topic"], [(row["key"], row["value"])])
    text = line.call("simulate", *COMPANY, "--http", f"http://{address}", "--feeds",
                     ",".join(POSTED), timeout=120).out
    line.refused = int(re.search(r"(\d+) malformed ones were refused", text)[1])
    with urllib.request.urlopen(f"http://{watch}/metrics", timeout=10) as answer:
        families = metrics(answer.read().decode())
    line.repeated = int(value(families, "foretell_door_repeated_total"))
    for process in (door, stages):
        process.send_signal(signal.SIGTERM)
        same(line.finish(process), 0, line.log_of(process)[-1500:])
    line.call(*RUN, "--until-end", app=APP, timeout=120)


@test("generated = in accounts + of places + waiting + dead letters + refused, and the repeats",
      needs=played)
def conserved(line):
    names, waiting = names_and_waiting(line.broker.read(f"{APP}.identity.meta"))
    places = sum(n["event_count"] for key, n in names.items() if key.startswith(PLACES))
    accounts = sum(r.value["event_count"] for r in line.broker.latest(f"{APP}.accounts").values())
    letters = [r for r in line.broker.read(f"{APP}.dlq")
               if r.headers["stage"] in (b"resolve", b"identify", b"ingest")]
    repeats = sum(n["duplicate_count"] for n in names.values())
    diag(f"{line.told['events']} events, {line.told['duplicates']} repeats, "
         f"{line.told['malformed']} malformed ones")
    diag(f"{accounts} in accounts, {places} of places, {waiting} waiting, {len(letters)} dead "
         f"letters, {line.refused} refused; repeats: {line.repeated} at the door, {repeats} after")
    same(accounts + places + waiting, line.told["events"], "events")
    same(line.repeated + repeats, line.told["duplicates"], "repeats")
    same(line.refused + len(letters), line.told["malformed"], "malformed ones")
    check(line.repeated > 0 and repeats > 0 and line.refused > 0 and letters, "each way was taken")
    outrun = sum(n["outrun_count"] for n in names.values())
    line.counts = [accounts + places + waiting + repeats, accounts, places, waiting, repeats]
    line.others = [len([r for r in letters if r.headers["stage"] == b"resolve"]), len(names),
                   sum(bool(n["account"]) for n in names.values()), outrun]


@test("`identity --totals` shows where every event is", needs=conserved)
def totals(line):
    text = line.call("identity", "--totals", app=APP).out
    same([int(n) for n in re.findall(r"^ +(\d+) ", text, re.MULTILINE)], line.counts + [0, 0],
         text)
    check("that is every one of them" in text, text)
    refused, names, settled, outrun = line.others
    check(f"{refused} dead letters of resolve, 0 events of erased names\n{names} names, {settled} "
          f"of them with an account; {outrun} events too fast" in text, text)
    result = line.call("identity", app=APP, code=2)
    check("expected is a name, or --totals" in result.err, result)


if __name__ == "__main__":
    run(world())
