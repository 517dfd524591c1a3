"""What the two intervals trade: latency, throughput, the broker's work, the time of a restart."""

from rig.engines import Foretell
from rig.latency import probe
from rig.restart import one_restart
from rig.throughput import one_run

# Each interval around the defaults, with the other left at its own.
SETTINGS = ((5, 2000), (20, 2000), (100, 2000), (1000, 2000), (100, 0), (100, 500), (100, 5000))
PROBE_S = 20
KILL_AT = 0.6


def trade_off(bench):
    expected = bench.reference()
    for commit_ms, checkpoint_ms in SETTINGS:
        options = {"commit.interval.ms": commit_ms, "checkpoint.interval.ms": checkpoint_ms}
        name = f"{commit_ms}/{checkpoint_ms}"
        engine = Foretell(bench.broker, bench.app("trade"), expected.topic, 1, **options)
        one_run(bench, f"trade {name}", engine, expected)
        app = bench.app("trade")
        engine = Foretell(bench.broker, app, f"{app}.events", 1, **options)
        bench.report.run(f"trade {name}", "foretell", probe(bench, engine, PROBE_S))
        one_restart(bench, expected, True, KILL_AT, options)
