#!/usr/bin/env python3
"""Partitions move while events come in: from one worker to several and back, within a process and
among processes, one after the other restarted. Nothing is lost, nothing comes twice."""

import os
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos.stand import stand  # noqa: E402  (after the path)
from lib.tap import check, diag, run, test  # noqa: E402

PARTITIONS = 4
RATE = 300           # events a second
EVENTS = 12000
MOVED_S_MAX = 90


class Pressure(threading.Thread):
    """Feeds a line at RATE until it is told to stop."""

    def __init__(self, line):
        super().__init__(daemon=True)
        self.line, self.ended, self.failed = line, threading.Event(), None

    def run(self):
        began, first = time.monotonic(), self.line.fed
        try:
            while not self.ended.is_set():
                due = int((time.monotonic() - began) * RATE) + 1 + first - self.line.fed
                if due > 0:
                    self.line.feed(due)
                self.ended.wait(0.05)
        except Exception as error:  # shown by whoever stops it
            self.failed = error

    def stop(self):
        self.ended.set()
        self.join(30)
        check(self.failed is None, f"feeding failed: {self.failed}")


def partitions_of(worker, stage="account"):
    """Of a process, as its log tells: those that were assigned and not taken back."""
    own = set()
    for line in worker.text().splitlines():
        if f'"stage":"{stage}"' not in line or '"partition":' not in line:
            continue
        number = int(line.split('"partition":')[1].split(",")[0])
        if '"msg":"partition assigned"' in line:
            own.add(number)
        elif '"msg":"partition revoked"' in line or '"msg":"partition lost"' in line:
            own.discard(number)
    return own


def await_shared(workers):
    """Waits until these own all partitions, each about as many as the others; {worker: its own}."""
    end = time.monotonic() + MOVED_S_MAX
    while True:
        owned = {worker: partitions_of(worker) for worker in workers}
        counts = sorted(len(own) for own in owned.values())
        if sum(counts) == PARTITIONS and counts[-1] - counts[0] <= 1 and \
                len(set().union(*owned.values())) == PARTITIONS:
            return owned
        check(time.monotonic() < end, f"{[(w.name, own) for w, own in owned.items()]}: "
              f"{[w.tail()[-800:] for w in workers]}")
        time.sleep(0.1)


def clients_of(line, stage):
    """{worker's name: partitions} as the brokers tell, by the name of the member."""
    group = line.cluster.admin.describe_consumer_groups(
        [f"{line.name}.{stage}"], request_timeout=20)[f"{line.name}.{stage}"].result(20)
    return sorted(len(m.assignment.topic_partitions) if m.assignment else 0
                  for m in group.members)


@test("one process, then three, then one again, under load: partitions follow, nothing is lost")
def processes(st):
    line = st.line("grow", partitions=PARTITIONS, events=EVENTS)
    pressure = Pressure(line)
    first = line.start("w1")
    line.await_assigned(first)
    pressure.start()
    await_shared([first])
    second = line.start("w2")
    await_shared([first, second])
    third = line.start("w3")
    await_shared([first, second, third])
    for leaver in (first, third):
        leaver.terminate()
        code = leaver.finish(40)
        check(code == 0, f"exit code {code}: {leaver.tail()}")
    await_shared([second])
    first.start(line.name)
    await_shared([first, second])
    pressure.stop()
    diag(f"{line.fed} events")
    line.await_done(watch=[first, second])
    line.stop()
    st.grow = line


@test("each process restarted in turn, under load: each comes back to its partitions at once",
      needs=processes)
def rolling(st):
    line = st.grow
    running = [line.worker(name) for name in ("w1", "w2")]
    for worker in running:
        worker.start(line.name)
    owned = await_shared(running)
    pressure = Pressure(line)
    pressure.start()
    for worker in running:
        worker.terminate()
        check(worker.finish(40) == 0, worker.tail())
        worker.start(line.name)
        after = await_shared(running)
        check(after == owned, f"a restart moved partitions: {owned}, then {after}")
    pressure.stop()
    line.await_done(watch=running)
    line.check_equal()


@test("one process with one worker a stage, then with three, then with one, under load")
def workers(st):
    line = st.line("threads", partitions=PARTITIONS, events=EVENTS)
    worker = line.start("w1")
    line.await_assigned(worker)
    pressure = Pressure(line)
    pressure.start()
    for count, shares in ((3, [1, 1, 2]), (1, [4])):
        time.sleep(2)
        worker.terminate()
        check(worker.finish(40) == 0, worker.tail())
        worker.start(line.name, "--workers", str(count))
        end = time.monotonic() + MOVED_S_MAX
        while clients_of(line, "account") != shares:
            check(worker.running(), f"it has ended: {worker.tail()}")
            check(time.monotonic() < end, f"{clients_of(line, 'account')}: {worker.tail()}")
            time.sleep(0.2)
    pressure.stop()
    line.await_done(watch=[worker])
    line.stop()
    st.threads = line


@test("three workers a stage run to the end of the input, and the process ends; equal to a clean "
      "pass of one", needs=workers)
def to_the_end(st):
    line = st.threads
    line.feed_end()
    last = line.start("w1", None, "--until-end", "--workers", "3")
    check(last.finish(120) == 0, last.tail())
    line.check_equal()


if __name__ == "__main__":
    run(stand())
