"""The reference job on foretell and on Flink in turn: heap and RocksDB state, checkpoints of 1 s
and of 100 ms. Flink's outputs become visible with its checkpoints, foretell's with its commits."""

from rig.engines import Flink, Foretell
from rig.throughput import COLUMNS, one_run

RUNS_MAX = 3  # five would take 35 minutes
VARIANTS = {f"{state}_{label}": {"backend": backend, "checkpoint.ms": ms}
            for state, backend in (("heap", "hashmap"), ("rocksdb", "rocksdb"))
            for label, ms in (("1s", 1000), ("100ms", 100))}


def flink(bench, variant):
    expected = bench.reference()
    job = f"flink_{variant}"
    theirs, ours = [], []
    for _ in range(min(bench.runs, RUNS_MAX)):
        peer = Flink(bench.broker, bench.app(job), expected.topic, 1, **VARIANTS[variant])
        theirs.append(one_run(bench, job, peer, expected))
        engine = Foretell(bench.broker, bench.app("foretell"), expected.topic, 1)
        ours.append(one_run(bench, job, engine, expected))
    bench.report.table(job, COLUMNS)
    bench.report.ratio(job, ours, theirs, "events_per_s")
    bench.report.ratio(f"{job}_cpu", ours, theirs, "cpu_s_per_million")
