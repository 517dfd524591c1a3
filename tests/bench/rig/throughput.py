"""Events per second, process time and memory of the whole reference job: foretell, Kafka Streams
and the ceiling in turn, on one broker."""

import time

from rig.engines import Ceiling, Foretell, Streams
from rig.kafka import Group
from rig.measure import Stalled, status_mb, window

COLUMNS = ["events_per_s", "cpu_s_per_million", "broker_cpu_s_per_million", "rss_peak_mb"]


def one_run(bench, job, engine, expected, verify=True, **window_options):
    """One engine from nothing to the end of the topic, checked afterwards."""
    engine.make_topics()
    try:
        with Group(bench.broker, engine.group(), engine.topic) as group:
            engine.start()
            figures = window(group, engine, bench.broker.pid, bench.skip, expected.events,
                             **window_options)
        if verify:
            if engine.name == "foretell":
                engine.stop()
            else:
                engine.kill()
            bench.report.note(job, f"{engine.name}: {engine.verify(expected)}")
    finally:
        engine.clean()
    bench.report.run(job, engine.name, figures)
    return figures


def throughput(bench, workers):
    job = f"throughput_{workers}"
    expected = bench.reference()
    runs = {"streams": [], "foretell": [], "ceiling": []}
    for i in range(bench.runs):
        for kind in (Streams, Foretell) + ((Ceiling,) if workers == 1 else ()):
            app = bench.app(f"{kind.name}{workers}")
            engine = (kind(bench.broker, app, expected.topic) if kind is Ceiling
                      else kind(bench.broker, app, expected.topic, workers))
            runs[kind.name].append(
                one_run(bench, job, engine, expected, verify=kind is not Ceiling))
    bench.report.table(job, COLUMNS)
    report, ours, theirs = bench.report, runs["foretell"], runs["streams"]
    report.ratio(f"throughput_{workers}", ours, theirs, "events_per_s")
    report.ratio(f"cpu_{workers}", ours, theirs, "cpu_s_per_million")
    if workers == 1:
        report.ratio("memory_1", ours, theirs, "rss_peak_mb")
        report.ratio("ceiling_1", ours, runs["ceiling"], "events_per_s")


def flat(bench):
    """Whether memory stays where it is: resident at every fifth of 2.5 times the events."""
    expected = bench.topic("long.events", bench.events * 5 // 2)
    engine = Foretell(bench.broker, bench.app("flat"), expected.topic)
    engine.make_topics()
    figures = {}
    try:
        with Group(bench.broker, engine.group(), engine.topic) as group:
            engine.start()
            for fifth in range(1, 6):
                while group.total() < expected.events * fifth // 5:
                    if not engine.running():
                        raise Stalled(f"foretell ended by itself; see {engine.log_path}")
                    time.sleep(0.02)
                figures[f"rss_mb_{expected.events * fifth // 5}"] = round(
                    status_mb(engine.pid, "VmRSS"), 1)
    finally:
        engine.clean()
    bench.report.run("flat", "foretell", figures)
    bench.forget(expected)
