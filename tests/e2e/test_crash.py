#!/usr/bin/env python3
"""kill -9 in the middle, a lost disk, SIGTERM: in the end everything is as after one clean pass."""

import collections
import os
import random
import shutil
import signal
import time

from lib import orders
from lib.avro import decode
from lib.compare import check_equal_outputs, snapshot
from lib.program import HISTORY, world
from lib.tap import check, diag, run, same, test

SEED = int(os.environ.get("SEED", "20261123"))
CUSTOMERS, DAYS, ORDERS_MEAN = 4000, 200, 18
KILLS, KILLS_WIPED = 9, 3
START_S_MAX = 30
STAGES = ("resolve", "identify", "account", "forecast", "levels", "gather", "learn")
OUTPUTS = ("account.events", "alerts", "scores", "accounts", "series.points", "forecasts",
           "forecast.accuracy")
# Frequent commits: more places to be killed between.
CRASH = (*HISTORY, "--commit.interval.ms", "20", "--instance", "w1",
         "--kafka.session.timeout.ms", "6000")


def wait_assigned(line, process, stage):
    """Returns when the stage works; False if the program has come to its end before."""
    end = time.monotonic() + START_S_MAX
    mark = f'"stage":"{stage}","msg":"partition assigned"'
    while mark not in line.log_of(process):
        if process.poll() is not None:
            return False
        check(time.monotonic() < end, f"{stage} did not start:", line.log_of(process)[-1500:])
        time.sleep(0.005)
    return True


def said(line, app):
    """How far the outputs have come: the sum of their logs' ends."""
    return sum(end for logical in OUTPUTS
               for end in line.broker.ends(f"{app}.{logical}", committed=True).values())


def kill_at_random(line, app, chance, stage):
    """Starts the line and kills it soon after `stage` began; the outputs so far, None if it ended
    first."""
    process = line.start("run", "--until-end", *CRASH, app=app)
    if wait_assigned(line, process, stage):
        time.sleep(chance.uniform(0.0, 0.3))
    if process.poll() is not None:
        same(process.returncode, 0, f"exit code; {line.log_of(process)[-1500:]}")
        return None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return said(line, app)


def crash_and_finish(line, app, kills, seed, wipe_before=()):
    """A line that is killed again and again, and its last, undisturbed run."""
    chance = random.Random(seed)
    line.create_topics(app)
    marks = []
    for index in range(kills):
        if index in wipe_before:
            shutil.rmtree(line.state_folder(app))
        marks.append(kill_at_random(line, app, chance, STAGES[index % len(STAGES)]))
    result = line.call("run", "--until-end", *CRASH, app=app, timeout=120)
    final = said(line, app)
    middle = sum(1 for mark in marks if mark is not None and mark < final)
    diag(f"seed {seed}: outputs at each kill {marks}, in the end {final}")
    return result, middle


@test("a clean pass, as the measure")
def clean(line):
    rows = orders.make_orders(CUSTOMERS, DAYS, seed=5, orders_mean=ORDERS_MEAN)
    line.create_topics("clean")
    line.ingest(orders.write_csv(line.path("orders.csv"), rows), "clean")
    line.run_history("clean", timeout=120)
    latest = line.broker.latest("clean.accounts")
    oracle = orders.account_oracle(rows)
    same(len(latest), len(oracle), "accounts")
    for key, record in latest.items():
        expected = oracle[key.decode()]
        same({field: record.value[field] for field in expected}, expected, f"account {key}")
    line.clean = snapshot(line.broker, "clean")
    diag(f"{len(rows)} rows of {len(oracle)} customers")


@test("killed at random moments: every output equals the clean pass", needs=clean)
def killed(line):
    _, middle = crash_and_finish(line, "killed", KILLS, SEED)
    check(middle >= 3, f"only {middle} kills hit while there was work left: more input is needed")
    check_equal_outputs(line.clean, line.broker, "killed")


@test("killed: foretell's own diff sees no difference either", needs=killed)
def killed_diff(line):
    result = line.call("diff", "clean", "killed")
    check("do not differ" in result.out, result)


@test("killed: no alert and no event twice, none lost", needs=killed)
def once(line):
    alerts = [decode(r.value) for r in line.broker.read("killed.alerts")]
    twice = [k for k, n in collections.Counter((a["alert_id"], a["revision"])
                                               for a in alerts).items() if n > 1]
    same(twice, [], "alerts said twice")
    events = [decode(r.value) for r in line.broker.read("killed.account.events")]
    ids = collections.Counter(e["event_id"] for e in events if e.schema == "account_event")
    inputs = [decode(r.value) for r in line.broker.read("erp.events")]
    same(ids, collections.Counter(e["event_id"] for e in inputs if e.schema == "erp_event"),
         "events")


@test("killed: read_uncommitted shows that transactions were cut off", needs=killed)
def aborted(line):
    cut = 0
    for logical in OUTPUTS:
        everything = len(line.broker.read(f"killed.{logical}", "read_uncommitted"))
        cut += everything - len(line.broker.read(f"killed.{logical}"))
    diag(f"{cut} records of aborted transactions")
    check(cut > 0, "no kill fell into a transaction: this test would prove nothing")


@test("killed and the local state deleted: restored from the topics, equal to the clean pass",
      needs=clean)
def wiped(line):
    result, middle = crash_and_finish(line, "wiped", KILLS_WIPED, SEED + 1, wipe_before=(1, 2))
    check(middle >= 1, "no kill hit while there was work left: more input is needed")
    check_equal_outputs(line.clean, line.broker, "wiped")
    same(line.call("diff", "clean", "wiped").code, 0, "diff")
    shutil.rmtree(line.state_folder("wiped"))
    result = line.call("run", "--until-end", *CRASH, app="wiped")
    check("states restored from their topics" in result.err, result)
    check_equal_outputs(line.clean, line.broker, "wiped")


@test("SIGTERM in the middle: exit code 0, nothing left open, and the restart goes on",
      needs=clean)
def terminated(line):
    line.create_topics("ended")
    process = line.start("run", *CRASH, app="ended")
    check(wait_assigned(line, process, "account"), line.log_of(process)[-1500:])
    while line.broker.ends("ended.accounts", committed=True) == \
            dict.fromkeys(range(4), 0):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    same(line.finish(process, 20), 0, "exit code")
    diag(f"ended {time.monotonic() - began:.2f} s after SIGTERM")
    for logical in (*OUTPUTS, "account.meta", "resolve.meta", "forecast.meta", "forecast.series"):
        topic = f"ended.{logical}"
        same(line.broker.ends(topic, committed=True), line.broker.ends(topic, committed=False),
             f"last stable offset of {topic}")
        line.broker.read(topic)  # comes to the end
    part = said(line, "ended")
    began = time.monotonic()
    result = line.call("run", "--until-end", *CRASH, app="ended")
    diag(f"the rest took {time.monotonic() - began:.1f} s")
    check(part < said(line, "ended"), "SIGTERM came after the end: more input is needed")
    check('"replayed":0,' in result.err and '"replayed":1' not in result.err,
          "a clean stop leaves nothing to replay:", result)
    check_equal_outputs(line.clean, line.broker, "ended")
    same(line.call("diff", "clean", "ended").code, 0, "diff")


if __name__ == "__main__":
    run(world())
