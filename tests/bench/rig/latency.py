"""The time from an event to its alert at 5,000 events a second, on foretell and Kafka Streams."""

import json
import os

from rig.engines import Foretell, Streams, run
from rig.kafka import Group
from rig.measure import Stalled, cpu_s
from rig.places import PROGRAMS

RATE = 5000
WARM_UP_S = 10
BROKER_WARM_UP_S = 30
ASSIGN_S_MAX = 30


def probe(bench, engine, seconds):
    engine.make_topics()
    bench.broker.create(engine.topic)
    try:
        engine.start()
        with Group(bench.broker, engine.group(), engine.topic) as group:
            group.total()  # the coordinator is there before the clock starts
        before = cpu_s(engine.pid)
        output = run([os.path.join(PROGRAMS, "bench_latency"), f"brokers={bench.broker.address}",
                      f"topic={engine.topic}", f"alerts={engine.alerts()}", f"rate={RATE}",
                      f"seconds={seconds}", f"warm_up={WARM_UP_S}"], "bench_latency",
                     timeout=seconds + ASSIGN_S_MAX + 30)
        figures = json.loads(output.splitlines()[-1])
        figures["cpu_s_per_million"] = round(
            (cpu_s(engine.pid) - before) / (RATE * seconds) * 1e6, 2)
    finally:
        engine.clean()
        bench.broker.delete(engine.topic)
    if figures["alerts"] != figures["flagged"]:
        raise Stalled(f"{engine.name}: {figures['alerts']} alerts of {figures['flagged']}")
    return figures


def warm_up(bench):
    """A broker that has just started is slow for half a minute: at neither engine's cost."""
    app = bench.app("latency-warm")
    probe(bench, Foretell(bench.broker, app, f"{app}.events"), BROKER_WARM_UP_S)


def latency(bench):
    """Caching off for Streams: with its cache on, it forwards at commits only, no sooner."""
    seconds = WARM_UP_S + (50 if bench.events >= 7000000 else 10)
    warm_up(bench)
    for kind, options in ((Streams, {"cache.mb": 0}), (Foretell, {})):
        app = bench.app(f"latency-{kind.name}")
        engine = kind(bench.broker, app, f"{app}.events", **options)
        figures = probe(bench, engine, seconds)
        bench.report.run("latency", kind.name, figures)
    bench.report.figure("p50_ms", figures["p50_ms"])
    bench.report.figure("p99_ms", figures["p99_ms"])
