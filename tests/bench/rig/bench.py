"""The jobs, and what they share: the broker, the topics of events, sizes."""

import os

from rig.engines import Expected, Flink, Streams, compile_peer
from rig.flink import VARIANTS, flink
from rig.kafka import Broker
from rig.latency import latency
from rig.places import OUT
from rig.profile import profile
from rig.report import Report
from rig.restart import kills, restart, restore
from rig.stage import account_stage
from rig.throughput import flat, throughput
from rig.trade_off import trade_off
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

    def minutes(self, jobs, loaded=False):
        """About how long, as it was on 2 cores of a virtual machine that did nothing else."""
        m = self.events / 1e6
        pair = {1: 25 + 6.6 * m + 5 + 1.2 * m + 3 + 0.6 * m, 2: 25 + 5 * m + 5 + 1.1 * m}
        seconds = {
            "throughput_1": self.runs * pair[1], "throughput_2": self.runs * pair[2],
            "latency": 190 if m >= 7 else 110,
            "restart": (kills(self.runs) + min(3, self.runs)) * (6 + 0.5 * m),
            "account_stage": 5 + min(3, self.runs) * (8 + m), "working_set_5x": 30 + 4 * m,
            "ten_million": 430 if m >= 10 else 70, "flat": 20 + 6 * m,
            "profile": 5 + m, "restore": 60,
            "trade_off": 6 * (50 + 1.7 * m),
        }
        for name, peer in (("heap_1s", 1.8), ("heap_100ms", 2.5), ("rocksdb_1s", 5),
                           ("rocksdb_100ms", 9)):
            seconds[f"flink_{name}"] = min(3, self.runs) * (20 + (peer + 1.2) * m)
        start = 0 if loaded else 20 + 3 * m
        return (start + sum(seconds[name] for name in jobs)) / 60


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

# Only by name.
MORE_JOBS = {
    "streams": {"profile": profile, "flat": flat, "restore": restore, "trade_off": trade_off},
    "flink": {},
}
