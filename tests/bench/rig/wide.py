"""States that don't fit into the cache: five times as many accounts as it holds, and ten million
accounts on disk; foretell and Kafka Streams, given the same memory for states."""

from rig.engines import Foretell, Streams
from rig.throughput import COLUMNS, one_run

# 200,000 entries of 400 bytes take 640 bytes each in foretell's cache. RocksDB: 256 MiB for both,
# in Streams half of it for blocks and 3 write buffers for each of 4 stores. Streams has its Java
# heap besides.
FORETELL = {"cache.entries": 200000, "store_mb": 256}
STREAMS = {"cache.mb": 122, "block.cache.mb": 128, "write.buffer.mb": 11}
WINDOW_S_MAX = 60


def compare(bench, job, expected, skip, runs, verify):
    pairs = {"streams": [], "foretell": []}
    kept, bench.skip = bench.skip, skip
    try:
        for _ in range(runs):
            for kind, options in ((Streams, STREAMS), (Foretell, FORETELL)):
                engine = kind(bench.broker, bench.app(f"{job}-{kind.name}"), expected.topic, 1,
                              **options)
                pairs[kind.name].append(one_run(
                    bench, job, engine, expected, verify=verify,
                    seconds_max=None if verify else WINDOW_S_MAX, stall_s=300))
    finally:
        bench.skip = kept
    bench.report.table(job, COLUMNS)
    bench.report.ratio(job, pairs["foretell"], pairs["streams"], "events_per_s")


def five_times(bench):
    """Every account is drawn at random: four of five draws fall on a fifth of them."""
    events = max(bench.events // 4, 1000000)
    accounts = 1000000 if bench.events >= 10000000 else 500000
    expected = bench.topic("wide.events", events, accounts=accounts)
    compare(bench, "working_set_5x", expected, events * 2 // 5, 1, verify=True)
    bench.forget(expected)


def ten_million(bench):
    """One event for each account in scattered order, then the random ones, which are measured."""
    accounts = 10000000 if bench.events >= 10000000 else 1000000
    events = accounts + max(bench.events // 4, 500000)
    expected = bench.topic("many.events", events, accounts=accounts, first_pass=True)
    compare(bench, "ten_million", expected, accounts + (events - accounts) // 10, 1, verify=False)
    bench.forget(expected)
