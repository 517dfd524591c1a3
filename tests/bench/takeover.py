#!/usr/bin/env python3
"""How long partitions are nobody's when their owner has died for good, with many accounts in them:
taken over by a process that has to read their states first, and by one that has followed them
(standby=all). All six stages, on a Kafka of its own.

    make bench-takeover                       a million accounts
    make bench-takeover ACCOUNTS=200000

Two processes share four partitions; one is killed, its name and store are lost. When its session
has ended (SESSION_S, kafka.session.timeout.ms) the other one is given all partitions: the figures
begin there, and end when all are assigned (taken over), and with everything processed and committed
that came since the kill (processed; from the kill on, the session included).
"""

import os
import shutil
import subprocess
import sys
import time

from confluent_kafka import Consumer, TopicPartition

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/e2e")]

from chaos.workers import Worker  # noqa: E402
from lib import watch  # noqa: E402
from lib.avro import encode  # noqa: E402
from lib.kafka import Broker  # noqa: E402

LOAD = os.path.join(ROOT, "build/tests/bench/bench_load")
OUT = os.path.join(ROOT, "build/bench/takeover")
APP, INPUT, PARTITIONS, SESSION_S = "takeover", "erp.events", 4, 6
DAY_MS, DAYS, START_MS = 86400000, 3, 1704067200000
OPTIONS = ("--inputs", INPUT, "--partitions", str(PARTITIONS), "--clock", "data", "--tick.ms", "1d",
           "--kafka.session.timeout.ms", str(SESSION_S * 1000))
WAIT_S_MAX = 3600
MARKERS = 3  # at the end of a partition nobody commits the last transactions' markers
SETTLED_S = 3
STAGES = {"resolve": INPUT, "identify": f"{APP}.identity.events",
          "account": f"{APP}.account.events"}


class Lag:
    """What the first three stages have still to commit."""

    def __init__(self, broker):
        self.broker = broker
        self.members = {stage: Consumer({
            "bootstrap.servers": broker.address, "log_level": 0, "group.id": f"{APP}.{stage}",
            "isolation.level": "read_uncommitted"}) for stage in STAGES}

    def total(self):
        lag = 0
        for stage, topic in STAGES.items():
            ends = self.broker.ends(topic, committed=False)
            asked = [TopicPartition(topic, p) for p in ends]
            for position in self.members[stage].committed(asked, timeout=30):
                lag += max(0, ends[position.partition] - max(0, position.offset) - MARKERS)
        return lag

    def await_none(self, workers):
        end, calm = time.monotonic() + WAIT_S_MAX, None
        while calm is None or time.monotonic() - calm < SETTLED_S:
            for worker in workers:
                if not worker.running():
                    sys.exit(f"{worker.name} has ended: {worker.tail()}")
            if self.total() > 0:
                calm = None
            elif calm is None:
                calm = time.monotonic()
            if time.monotonic() > end:
                sys.exit(f"not processed within {WAIT_S_MAX} s")
            time.sleep(0.2 if calm else 0.05)
        return calm


def await_followed(worker):
    """Until its standbys read nothing new."""
    worker.await_text('"serving ', 60)
    address = next(line.split('"address":"')[1].split('"')[0]
                   for line in worker.text().splitlines() if '"serving ' in line)
    seen, calm = -1.0, time.monotonic()
    while time.monotonic() - calm < SETTLED_S or seen <= 0:
        found = watch.metrics(watch.ask(address, "/metrics")[1])
        now = found["foretell_standby_records_total"][frozenset({("stage", "account")})]
        if now != seen:
            seen, calm = now, time.monotonic()
        time.sleep(0.2)
    return int(seen)


def feed(broker, serial):
    """An event for each of some accounts, in all partitions."""
    broker.produce(INPUT, [(b"probe%d" % i, encode("erp_event", {
        "event_id": f"p{serial}-{i}", "source": "probe", "type": "erp.order",
        "subject": f"probe{i}", "event_ms": START_MS + DAYS * DAY_MS, "trace_id": None,
        "amount_minor": 100, "currency": "EUR", "quantity": 1, "attrs": {}})) for i in range(200)])


def take_over(broker, lag, heir, victim, name):
    killed = time.monotonic()
    seconds, text = heir.take_over(APP, victim, PARTITIONS, WAIT_S_MAX,
                                   lambda: feed(broker, name))
    processed_s = lag.await_none([heir]) - killed
    restored = "restored from their topics" in text
    print(f"figure takeover_{name}_s {seconds:.2f}\n"
          f"figure takeover_{name}_processed_s {processed_s:.1f}", flush=True)
    return restored


def run(broker, accounts):
    lag = Lag(broker)

    def worker(name, *more):
        made = Worker(name, OUT, broker.address, (*OPTIONS, *more))
        made.start(APP)
        made.await_text("partition assigned", 120)
        return made

    subprocess.run([*Worker("caller", OUT, broker.address, OPTIONS).command(
        APP, "topics", "create")], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([LOAD, f"brokers={broker.address}", f"topic={INPUT}", f"events={accounts}",
                    f"accounts={accounts}", "first_pass=1", "erp=1",
                    f"apart_ms={max(1, DAYS * DAY_MS // accounts)}"], check=True)
    workers = []
    try:
        workers.append(worker("first"))
        lag.await_none(workers)
        workers.append(worker("cold"))
        time.sleep(SETTLED_S)
        lag.await_none(workers)
        if not take_over(broker, lag, workers[1], workers[0], "cold"):
            sys.exit("the states were there already: nothing was measured")
        workers.append(worker("warm", "--standby", "all", "--http.listen", "127.0.0.1:0"))
        time.sleep(SETTLED_S)
        lag.await_none(workers[1:])
        print(f"figure takeover_followed {await_followed(workers[2])}", flush=True)
        if take_over(broker, lag, workers[2], workers[1], "standby"):
            sys.exit("states were restored, though they had been followed")
    finally:
        for one in workers:
            if one.running():
                one.kill()


def main():
    accounts = int(os.environ.get("ACCOUNTS") or 1000000)
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    print(f"figure takeover_accounts {accounts}", flush=True)
    with Broker(OUT) as broker:
        run(broker, accounts)
    if not os.environ.get("KEEP"):
        shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    main()
