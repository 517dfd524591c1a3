"""What the tests of single faults stand on: an application with an input of its own, fed a piece at
a time while something is in its way, and then held against a clean pass over the same input."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic

from chaos import digest, load
from chaos.cluster import Cluster
from chaos.wire import WireProxy
from chaos.workers import Worker
from lib import orders
from lib.avro import decode
from lib.tap import check, diag

# The log of a stage that works on a partition.
ASSIGNED = re.compile(r'"stage":"(\w+)","msg":"partition assigned"')
PARTITIONS = 2
DAY_MS = orders.DAY_MS
DAYS = 200
PIECE = 400          # events
DONE_S_MAX = 60
SESSION_MS, TRANSACTION_MS, SOCKET_MS = 3000, 6000, 1000
FAST = ("--kafka.session.timeout.ms", str(SESSION_MS),
        "--kafka.heartbeat.interval.ms", "300",
        "--kafka.transaction.timeout.ms", str(TRANSACTION_MS),
        "--kafka.socket.timeout.ms", str(SOCKET_MS),
        "--kafka.reconnect.backoff.max.ms", "200",
        "--kafka.fetch.wait.max.ms", "20", "--commit.interval.ms", "20",
        "--checkpoint.interval.ms", "300")


class Reader:
    """Reads on where it stopped; it stays open."""

    def __init__(self, cluster, topics):
        self.consumer = Consumer({
            "bootstrap.servers": cluster.address, "group.id": f"stand-{uuid.uuid4()}",
            "isolation.level": "read_committed", "enable.auto.commit": False,
            "auto.offset.reset": "error", "fetch.wait.max.ms": 20, "log_level": 0})
        self.consumer.assign([TopicPartition(topic, p, 0) for topic in topics
                              for p in cluster.partitions(topic)])

    def more(self):
        found = self.consumer.consume(5000, 0.1)
        return [message for message in found if message.error() is None]


class Line:
    """One application: an input of its own, workers, and what has been fed."""

    def __init__(self, stand, name, seed=1, partitions=PARTITIONS, events=20 * PIECE):
        self.stand, self.name, self.partitions = stand, name, partitions
        self.cluster = stand.cluster
        self.input = f"in-{name}.erp.events"
        self.rows = load.make_rows(events, DAYS, seed)
        self.fed, self.poison = 0, 0
        self.workers = []
        self.clean_count = 0
        self.reader, self.events_seen, self.states_seen = None, 0, {}
        self.call(name, "topics", "create")

    def options(self):
        return ("--inputs", self.input, "--clock", "data", "--tick.ms", str(DAY_MS),
                "--partitions", str(self.partitions))

    def worker(self, name="w1", address=None, *more):
        """One whose logs and folder are `name`'s; not started."""
        worker = Worker(f"{self.name}-{name}", self.stand.folder,
                        address or self.cluster.address, (*self.options(), *FAST, *more))
        self.workers.append(worker)
        self.stand.workers.append(worker)
        return worker

    def start(self, name="w1", address=None, *more):
        worker = self.worker(name, address, *more)
        worker.start(self.name)
        return worker

    def await_assigned(self, worker, count=3, timeout_s=30):
        """So many stages have partitions (all of one process: 7)."""
        end = time.monotonic() + timeout_s
        while len(set(ASSIGNED.findall(worker.text()))) < count:
            check(worker.running(), f"{worker.name} has ended: {worker.tail()}")
            check(time.monotonic() < end, f"{worker.name} was not assigned: {worker.tail()}")
            time.sleep(0.02)

    def call(self, app, *arguments, code=0, timeout=120):
        caller = Worker("caller", self.stand.folder, self.cluster.address, self.options())
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FORETELL")}
        done = subprocess.run(caller.command(app, *arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False,
                              env=environment, cwd=self.stand.folder)
        check(code is None or done.returncode == code,
              f"foretell {' '.join(arguments)} for {app}: exit code {done.returncode}; "
              f"{done.stdout[-800:]} {done.stderr[-2000:]}")
        return done

    def feed(self, count=PIECE):
        rows = self.rows[self.fed:self.fed + count]
        check(len(rows) == count, "the rows are used up")
        self.cluster.produce(self.input, [
            (row.customer.encode(), load.event(row, self.fed + i)) for i, row in enumerate(rows)])
        self.fed += count

    def feed_end(self):
        self.cluster.produce(self.input, [
            (b"end", load.end_of_input(self.rows[0].time_ms + (DAYS + 60) * DAY_MS), partition)
            for partition in range(self.partitions)])

    def out_count(self):
        """Events that have come out of the first stage, and into states."""
        if self.reader is None:
            self.reader = Reader(self.cluster, (f"{self.name}.account.events",
                                                f"{self.name}.accounts"))
        for record in self.reader.more():
            value = decode(record.value())
            if value.schema == "account_event":
                self.events_seen += 1
            elif value.schema != "control":
                self.states_seen[record.key()] = value["event_count"]
        return self.events_seen, sum(self.states_seen.values())

    def await_done(self, timeout_s=DONE_S_MAX, watch=None):
        """Everything that was fed has gone through; returns the seconds that took."""
        began = time.monotonic()
        while True:
            first, states = self.out_count()
            if first == states == self.fed:
                return time.monotonic() - began
            check(first <= self.fed and states <= self.fed,
                  f"{self.name}: {first} events, {states} in states, of {self.fed}")
            for worker in watch or ():
                check(worker.running(), f"{worker.name} has ended: {worker.tail()}")
            check(time.monotonic() - began < timeout_s,
                  f"{self.name}: {first} events, {states} in states, of {self.fed} after "
                  f"{timeout_s} s: {[w.tail()[-1200:] for w in self.workers]}")

    def stop(self, timeout_s=40):
        """All workers end in good order."""
        running = [worker for worker in self.workers if worker.running()]
        for worker in running:
            worker.terminate()
        for worker in running:
            code = worker.finish(timeout_s)
            check(code == 0, f"{worker.name}: exit code {code}: {worker.tail()}")

    def check_equal(self):
        """Ends the line and brings it to its end; its outputs and a clean pass's are the same."""
        self.stop()
        self.feed_end()
        last = self.start("last", None, "--until-end")
        check(last.finish(120) == 0, f"the last run: {last.tail()}")
        self.clean_count += 1
        clean = f"{self.name}-clean{self.clean_count}"
        self.call(clean, "run", "--from-beginning", "--until-end")
        found = digest.differences(self.cluster, self.name, clean)
        check(not found, "\n".join(f"{logical}: {count} of {of} keys differ\n{text}"
                                   for logical, count, of, text in found))
        alerts = [(v["alert_id"], v["revision"]) for v in
                  (decode(r.value) for r in digest.stream(self.cluster, f"{self.name}.alerts"))]
        check(not digest.repeated(alerts), f"alerts twice: {digest.repeated(alerts)[:3]}")
        check(self.call(clean, "diff", self.name, clean).returncode == 0, "foretell diff")


class Stand:
    """The cluster and whatever stands before it."""

    def __init__(self, folder, cluster):
        self.folder, self.cluster = folder, cluster
        self.workers, self.proxies = [], []

    def line(self, name, **more):
        return Line(self, name, **more)

    def close(self):
        for worker in self.workers:
            if worker.running():
                worker.kill()


class OpenCluster(Cluster):
    """A cluster of which one listener leads through a proxy that knows frames."""

    def __init__(self, folder):
        super().__init__(folder, ("wire",), self)
        self.listens = {}
        self.wire = None

    def add(self, name, listen, upstream):
        """As chaos.cluster.Proxy has it."""
        self.listens[name] = f"127.0.0.1:{listen}"
        self.wire = WireProxy(listen, upstream)

    def create(self, topic, partitions, **config):
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(20)


@contextlib.contextmanager
def stand():
    """A Stand in a folder of its own; nothing is left of it."""
    folder = tempfile.mkdtemp(prefix="faults.")
    try:
        with OpenCluster(folder) as cluster, cluster.wire:
            made = Stand(folder, cluster)
            try:
                yield made
            finally:
                made.close()
    finally:
        if os.environ.get("E2E_KEEP"):
            diag(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
