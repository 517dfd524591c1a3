#!/usr/bin/env python3
"""What an event costs, whatever the machine: instructions by valgrind, and allocations.

Both are differences of two runs, one with twice the events, so that what a start costs cancels out.
When a limit is passed for a good reason, put the new figure here and say why in the commit.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("TEST_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/bench"))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from lib.tap import check, diag, run, test  # noqa: E402
from rig.engines import Foretell  # noqa: E402
from rig.kafka import Broker, Group  # noqa: E402
from rig.places import PROGRAMS  # noqa: E402

import contextlib  # noqa: E402

# gcc 12 -O2, foretell's own code without the job's and the libraries': as measured, and a tenth.
INSTRUCTIONS_MAX = 740
# A close of a series, searches and estimates at their share, with all that is said and stored.
CLOSE_INSTRUCTIONS_MAX = 265000
SERIES, CLOSES = 64, 8
EVENTS = 40000
EVENTS_COUNTED = 400000
ALLOCATIONS_PER_EVENT_MAX = 0.001
ALLOCATIONS_PER_COMMIT_MAX = 50
RUN_S_MAX = 100
JUDGING_NS_MAX = 2000

OURS = ("base/", "schemas/", "state/", "runtime/", "kafka/")
# The model of Kafka is no part of what a user runs.
MODEL = ("kafka/bus_memory", "kafka/memory_", "kafka/model_")
MATHS = "base/dmath"
JOB = "tests/bench/job/"


def group_of(file, binary):
    """Which part of the costs a function belongs to, by its source file or its library."""
    file = file.removeprefix(ROOT + "/")
    if file.startswith(MODEL):
        return "model of Kafka"
    if file.startswith(MATHS):
        return "exponentials and logarithms of the job"
    if file.startswith(JOB):
        return "the rest of the job"
    for prefix in OURS:
        if file.startswith(prefix):
            return prefix.rstrip("/")
    return os.path.basename(binary).split(".so")[0]


def read_profile(path):
    """{group: instructions} of a callgrind file without compression."""
    costs = collections.Counter()
    file = binary = ""
    skip = False
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line[0].isdigit():
                if not skip:
                    costs[group_of(file, binary)] += int(line.split()[1])
                skip = False
            elif line.startswith(("fl=", "fi=", "fe=")):
                # What is woven in from the system's headers belongs to where it is woven in.
                if not line.startswith("fi=/usr/include/"):
                    file = line[3:].strip()
            elif line.startswith("ob="):
                binary = line[3:].strip()
            elif line.startswith("calls="):
                skip = True  # the next line is what the callee cost
    return costs


def profile(folder, program, *settings):
    out = os.path.join(folder, "profile")
    store = tempfile.mkdtemp(dir=folder)
    done = subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}",
         "--compress-strings=no", "--compress-pos=no", "--collect-atstart=no",
         "--toggle-collect=worker_step", os.path.join(PROGRAMS, program), f"store={store}",
         *settings],
        check=False, timeout=RUN_S_MAX, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    check(done.returncode == 0, done.stdout)
    return read_profile(out)


def per_event(folder, *settings):
    """{group: instructions for each event in the steady state}"""
    small = profile(folder, "bench_cost", f"events={EVENTS}", *settings)
    large = profile(folder, "bench_cost", f"events={2 * EVENTS}", *settings)
    return {group: (large[group] - small[group]) / EVENTS for group in large}


def own(costs):
    """foretell's own part."""
    return sum(costs.get(prefix.rstrip("/"), 0) for prefix in OURS)


@test("instructions for each event are within their limit")
def instructions(folder):
    costs = per_event(folder)
    for group, cost in sorted(costs.items(), key=lambda item: -item[1]):
        if cost >= 1:
            diag(f"{cost:7.0f} instructions an event: {group}")
    check(own(costs) <= INSTRUCTIONS_MAX, f"foretell's own code takes {own(costs):.0f} "
          f"instructions an event, the limit is {INSTRUCTIONS_MAX}")


@test("a waste of work would be seen: every state published with every commit")
def instructions_wasted(folder):
    costs = per_event(folder, "checkpoint.interval.ms=0")
    check(own(costs) > INSTRUCTIONS_MAX, f"{own(costs):.0f} instructions an event")


@test("instructions for each close of a series are within their limit")
def closes(folder):
    settings = f"series={SERIES}", "history=200"
    small = profile(folder, "bench_forecast", *settings, f"closes={CLOSES}")
    large = profile(folder, "bench_forecast", *settings, f"closes={2 * CLOSES}")
    small["model of Kafka"] = large["model of Kafka"] = 0
    cost = (sum(large.values()) - sum(small.values())) / (SERIES * CLOSES)
    diag(f"{cost:.0f} instructions a close")
    check(cost <= CLOSE_INSTRUCTIONS_MAX, f"the limit is {CLOSE_INSTRUCTIONS_MAX}")


@test("judging an account with its reasons costs less than 2 µs for each of its events")
def judging(_):
    figures = re.compile(r"signals (\d+) ns, a look with reasons (\d+) ns")
    costs = []
    for _ in range(3):  # processor time; the least is what others did not disturb
        out = subprocess.run([os.path.join(PROGRAMS, "bench_risk"), "100000"], check=True,
                             capture_output=True, text=True, timeout=RUN_S_MAX).stdout
        costs.append(sum(map(int, figures.search(out).groups())))
        diag(out.strip())
    check(min(costs) < JUDGING_NS_MAX, f"{min(costs)} ns, if every event made it look")


def counted_run(folder, broker, events, settings):
    """Runs bench_counted over the first `events` of its topic; (allocations by who, commits)."""
    engine = Foretell(broker, f"count-{events}", f"events-{events}")
    engine.state = tempfile.mkdtemp(dir=folder)
    engine.log_path = os.path.join(folder, f"{events}.log")
    engine.command = lambda: [os.path.join(PROGRAMS, "bench_counted"),
                              *Foretell.command(engine)[1:], *settings]
    broker.create(engine.topic)
    subprocess.run([os.path.join(PROGRAMS, "bench_load"), f"brokers={broker.address}",
                    f"topic={engine.topic}", f"events={events}"], check=True,
                   stdout=subprocess.PIPE)
    engine.make_topics()
    end = time.monotonic() + RUN_S_MAX
    with Group(broker, engine.group(), engine.topic) as group:
        engine.start()
        while group.total() < events:
            check(engine.running() and time.monotonic() < end, "it did not come to the end")
            time.sleep(0.05)
    engine.stop()
    with open(engine.log_path, encoding="utf-8") as f:
        log = f.read()
    found = re.search(r"allocations: ours (\d+), librdkafka (\d+), shared libraries (\d+)", log)
    stats = json.loads(next(line for line in log.splitlines() if line.startswith('{"records')))
    check(stats["records"] == events, "records", stats)
    return [int(x) for x in found.groups()], stats["commits"]


@test("no allocation of ours for an event")
def allocations(folder):
    with Broker(os.path.join(folder, "kafka")) as broker:
        small, commits_small = counted_run(folder, broker, EVENTS_COUNTED, [])
        large, commits_large = counted_run(folder, broker, 2 * EVENTS_COUNTED, [])
    ours, rdkafka, shared = (b - a for a, b in zip(small, large))
    commits = max(1, commits_large - commits_small)
    diag(f"allocations for {EVENTS_COUNTED} events and {commits} commits more: ours {ours} "
         f"({ours / EVENTS_COUNTED:.5f} an event), librdkafka {rdkafka / EVENTS_COUNTED:.3f} and "
         f"RocksDB {shared / EVENTS_COUNTED:.3f} an event")
    check(ours <= EVENTS_COUNTED * ALLOCATIONS_PER_EVENT_MAX
          + commits * ALLOCATIONS_PER_COMMIT_MAX, "ours", ours)


if __name__ == "__main__":
    run(contextlib.nullcontext(tempfile.mkdtemp(prefix="cost.")))
