"""The jobs, and what they share: the broker, the topics of events, sizes."""

import os

from rig.engines import Expected, Flink, Streams, compile_peer
from rig.flink import VARIANTS, flink
from rig.kafka import Broker
from rig.latency import latency
from rig.places import OUT
from rig.report import Report
from rig.restart import restart
from rig.stage import account_stage
from rig.throughput import throughput
from rig.wide import five_times, ten_million

REFERENCE = "reference.events"


class Bench:
    """A context: a broker, empty at first, and a report."""

    def __init__(self, suite, events, runs):
        self.events = events
        self.skip = events // 10
        self.runs = runs
        self.broker = Broker(os.path.join(OUT, "kafka"))
        self.report = Report(suite)
        self.apps = 0
        self.expected = {}

    def __enter__(self):
        os.makedirs(OUT, exist_ok=True)
        peer = {"streams": Streams, "flink": Flink}[self.report.name]
        peer.classes = compile_peer(self.report.name)
        self.broker.__enter__()
        return self

    def __exit__(self, *exception):
        self.broker.__exit__(*exception)

    def app(self, name):
        """A name that no run before had: its group, topics and state are new."""
        self.apps += 1
        return f"{name}-{self.apps}".replace("_", "-")  # as app.id wants it

    def topic(self, name, events, **options):
        """A loaded topic; loaded once."""
        if name not in self.expected:
            expected = Expected(self.broker, name, events, **options)
            self.report.note(name, f"{events} events loaded in {expected.load():.1f} s")
            self.expected[name] = expected
        return self.expected[name]

    def forget(self, expected):
        """Removes a topic that is not needed any more: disk and page cache are shared."""
        self.broker.delete(expected.topic)
        expected.clean()
        del self.expected[expected.topic]

    def reference(self):
        return self.topic(REFERENCE, self.events)

    def minutes(self, jobs):
        """About how long, from runs on 2 cores of a virtual machine."""
        millions = self.events / 1e6
        streams_run = {1: 9 + millions * 7, 2: 9 + millions * 5}
        foretell_run = 8 + millions * 1.5
        seconds = 10 + millions * 2
        for name in jobs:
            if name.startswith("throughput_"):
                workers = int(name[-1])
                seconds += self.runs * (streams_run[workers] + 2 * foretell_run)
        return seconds / 60


JOBS = {
    "streams": {
        "throughput_1": lambda bench: throughput(bench, 1),
        "throughput_2": lambda bench: throughput(bench, 2),
        "latency": latency,
        "restart": restart,
        "account_stage": account_stage,
        "working_set_5x": five_times,
        "ten_million": ten_million,
    },
    "flink": {f"flink_{v}": lambda bench, v=v: flink(bench, v) for v in VARIANTS},
}
