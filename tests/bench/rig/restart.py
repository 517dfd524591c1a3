"""kill -9 at full load: how long a new process takes from its start to its first new committed
alert, with its local store and without."""

import random
import statistics
import time
import uuid

from confluent_kafka import Consumer, TopicPartition

from rig.engines import Failed, Foretell
from rig.kafka import PARTITIONS, Group

WITHOUT_STORE = 3
WAIT_S_MAX = 60
# Where in the topic it is killed: the store has been flushed at least once by then, and enough is
# left for the load to go on.
KILL_FROM, KILL_TO = 0.35, 0.75


class AlertWatch:
    """A reader of committed alerts from the ends of the topic, as they stood when it was made: what
    it sees was committed after that, and is none of the dead process's."""

    def __init__(self, broker, topic):
        self.consumer = Consumer({
            "bootstrap.servers": broker.address, "group.id": f"watch-{uuid.uuid4()}",
            "isolation.level": "read_committed", "enable.auto.commit": False,
            "auto.offset.reset": "error", "fetch.queue.backoff.ms": 5})
        ends = broker.ends(topic)
        self.consumer.assign([TopicPartition(topic, p, ends[p]) for p in range(PARTITIONS)])
        # Connected and fetching before the clock starts.
        if self.consumer.poll(0.5) is not None:
            raise Failed("an alert was committed after its process's death")

    def wait(self):
        message = self.consumer.poll(WAIT_S_MAX)
        if message is None or message.error() is not None:
            raise Failed(f"no new alert within {WAIT_S_MAX} s")

    def close(self):
        self.consumer.close()


def run_until(engine, group, events):
    while group.total() < events:
        if not engine.running():
            raise Failed(f"{engine.name} ended by itself; see {engine.log_path}")
        time.sleep(0.01)


def one_restart(bench, expected, keep_store, share, options=None):
    """A fresh application, run at full load through a share of the topic, killed, and started
    again."""
    kind = "kept" if keep_store else "lost"
    engine = Foretell(bench.broker, bench.app(f"restart-{kind}"), expected.topic, 1,
                      **(options or {}))
    engine.make_topics()
    watch = None
    try:
        with Group(bench.broker, engine.group(), engine.topic) as group:
            engine.start()
            run_until(engine, group, share * expected.events)
            engine.kill()
            committed = group.total()
        if not keep_store:
            engine.lose_store()
        watch = AlertWatch(bench.broker, engine.alerts())
        began = time.monotonic()
        engine.start()
        watch.wait()
        seconds = time.monotonic() - began
    finally:
        if watch is not None:
            watch.close()
        engine.clean()
    bench.report.run("restart", f"store {kind}", {"seconds": round(seconds, 3),
                                                  "killed_at": committed})
    return seconds


def kills(runs):
    """How many processes are killed: ten, unless it is to be a short look."""
    return 10 if runs >= 3 else 2 * runs


def restart(bench):
    expected = bench.reference()
    rng = random.Random(42)
    kept = [one_restart(bench, expected, True, rng.uniform(KILL_FROM, KILL_TO))
            for _ in range(kills(bench.runs))]
    lost = [one_restart(bench, expected, False, rng.uniform(KILL_FROM, KILL_TO))
            for _ in range(min(WITHOUT_STORE, bench.runs))]
    bench.report.note("restart", f"store kept: median {statistics.median(kept):.2f} s, worst "
                                 f"{max(kept):.2f} s of {len(kept)}; store lost: median "
                                 f"{statistics.median(lost):.2f} s, worst {max(lost):.2f} s of "
                                 f"{len(lost)}, {expected.accounts} accounts")
    bench.report.figure("restart_s", statistics.median(kept))


def restore(bench):
    """What a million accounts more cost where the store is lost."""
    seconds = {}
    for accounts in (100000, 1000000):
        events = 4 * accounts
        expected = bench.topic(f"restore{accounts}.events", events, accounts=accounts,
                               first_pass=True)
        seconds[accounts] = one_restart(bench, expected, False, 0.5)
        bench.forget(expected)
    slope = (seconds[1000000] - seconds[100000]) / 0.9
    bench.report.note("restore", f"store lost: {seconds[100000] - slope / 10:.2f} s + "
                                 f"{slope:.2f} s for each million accounts")
