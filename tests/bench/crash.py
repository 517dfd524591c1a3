#!/usr/bin/env python3
"""kill -9 of the whole line at full load: how long each of the three stages up to an alert takes
from the start of a new process to its first new committed record. All stages in one process, on a
Kafka of its own.

    make bench-crash                          300,000 accounts, 3 million events, 10 kills
    make bench-crash ACCOUNTS=100000 KILLS=3

Each kill comes after another piece of the input. Printed are the median and the worst, the
processor time of the whole process until then (it says more on a machine that is busy), and how
many partitions each stage had to read back from its topics, because its store was behind and it
may not judge again what lies between (docs/ARCHITECTURE.md, Recovery).
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid

from confluent_kafka import Consumer, TopicPartition

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/e2e")]

from chaos.workers import Worker  # noqa: E402
from lib.kafka import Broker  # noqa: E402

LOAD = os.path.join(ROOT, "build/tests/bench/bench_load")
OUT = os.path.join(ROOT, "build/bench/crash")
APP, INPUT, PARTITIONS = "crash", "erp.events", 4
DAY_MS, DAYS, EVENTS_EACH = 86400000, 500, 10
OPTIONS = ("--inputs", INPUT, "--partitions", str(PARTITIONS), "--clock", "data", "--tick.ms", "1d")
WAIT_S_MAX = 600
# What each stage says of nearly every record.
OUTPUTS = {"resolve": "identity.events", "identify": "account.events", "account": "series.points"}


class Watch:
    """A reader of committed records behind what a dead process has left."""

    def __init__(self, broker, logical):
        self.seen_s = self.cpu_s = None
        topic = f"{APP}.{logical}"
        self.consumer = Consumer({
            "bootstrap.servers": broker.address, "group.id": f"watch-{uuid.uuid4()}",
            "isolation.level": "read_committed", "enable.auto.commit": False,
            "auto.offset.reset": "error", "fetch.wait.max.ms": 20, "log_level": 0})
        self.consumer.assign([TopicPartition(topic, p, end) for p, end in
                              broker.ends(topic, committed=False).items()])
        if any(m.error() is None for m in self.consumer.consume(100, 0.3)):
            sys.exit(f"{topic}: a record came after its process's death")

    def look(self, began, pid):
        if self.seen_s is None and any(m.error() is None for m in self.consumer.consume(10, 0)):
            self.seen_s, self.cpu_s = time.monotonic() - began, cpu_s(pid)
        return self.seen_s is not None


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processed(broker):
    """Records that the first stage has handed on, about; the others are behind it."""
    return sum(broker.ends(f"{APP}.identity.events", committed=True).values())


def kill_and_start(broker, worker):
    """{stage: watch} that have seen the first record of each."""
    worker.kill()
    watches = {name: Watch(broker, logical) for name, logical in OUTPUTS.items()}
    began = time.monotonic()
    worker.start(APP)
    while not all([watch.look(began, worker.process.pid) for watch in watches.values()]):
        if not worker.running() or time.monotonic() - began > WAIT_S_MAX:
            sys.exit(f"{[n for n, w in watches.items() if w.seen_s is None]}: {worker.tail()}")
        time.sleep(0.005)
    for watch in watches.values():
        watch.consumer.close()
    return watches


def restored(text, stage):
    return sum(1 for row in text.splitlines()
               if f'"stage":"{stage}","msg":"states restored from their topics"' in row)


def measure(broker, worker, accounts, events, kills):
    """Prints the figures of each kill, and of all."""
    found, read_back = {name: [] for name in OUTPUTS}, {name: 0 for name in OUTPUTS}
    kill_count = 0
    worker.start(APP)
    for share in (events * (i + 1) // (2 * kills + 2) for i in range(kills)):
        end = time.monotonic() + WAIT_S_MAX
        while processed(broker) < share:
            if not worker.running() or time.monotonic() > end:
                sys.exit(f"{processed(broker)} of {share}: {worker.tail()}")
            time.sleep(0.05)
        if processed(broker) >= events:  # the first stage is done: what follows is less
            break
        watches = kill_and_start(broker, worker)
        for name, watch in watches.items():
            found[name].append(watch)
            read_back[name] += restored(worker.text(), name)
        kill_count += 1
        print(f"killed at {share}: " + ", ".join(
            f"{n} {w.seen_s:.2f} s" for n, w in watches.items()), flush=True)
    for name, watches in found.items():
        seconds, cpu = [w.seen_s for w in watches], [w.cpu_s for w in watches]
        print(f"figure crash_{name}_s {statistics.median(seconds):.2f} worst {max(seconds):.2f}\n"
              f"figure crash_{name}_cpu_s {statistics.median(cpu):.2f} worst {max(cpu):.2f}\n"
              f"figure crash_{name}_read_back {read_back[name]} of "
              f"{PARTITIONS * kill_count}",
              flush=True)


def run(broker, accounts, kills):
    events = EVENTS_EACH * accounts
    worker = Worker("w", OUT, broker.address, OPTIONS)
    subprocess.run(worker.command(APP, "topics", "create"), check=True, stdout=subprocess.DEVNULL)
    subprocess.run([LOAD, f"brokers={broker.address}", f"topic={INPUT}", f"events={events}",
                    f"accounts={accounts}", "first_pass=1", "erp=1",
                    f"apart_ms={DAYS * DAY_MS // events}"], check=True)
    try:
        measure(broker, worker, accounts, events, kills)
    finally:
        if worker.running():
            worker.kill()


def main():
    accounts, kills = (int(os.environ.get(name) or fallback) for name, fallback in (
        ("ACCOUNTS", "300000"), ("KILLS", "10")))
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    with Broker(OUT) as broker:
        run(broker, accounts, kills)
    if not os.environ.get("KEEP"):
        shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
