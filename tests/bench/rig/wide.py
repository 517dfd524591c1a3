"""States that don't fit into the cache: five times as many accounts as it holds, with the same
memory for states in foretell and Kafka Streams; and ten million accounts on disk, with the same
memory for states, and with the same memory for the process."""

from rig.engines import Foretell, Streams
from rig.throughput import COLUMNS, one_run

# 200,000 entries of 400 bytes take 640 bytes each in foretell's cache. RocksDB: 256 MiB for both,
# in Streams half of it for blocks and 3 write buffers for each of 4 stores. Streams has its Java
# heap besides.
FORETELL = {"cache.entries": 200000, "store_mb": 256}
STREAMS = {"cache.mb": 122, "block.cache.mb": 128, "write.buffer.mb": 11}

# With those, Streams' process takes 1.4 GiB. So may foretell's.
FORETELL_WHOLE = {"cache.entries": 1500000, "store_mb": 256}
WINDOW_S_MAX = 60


def measured(bench, job, kind, options, expected, skip, verify):
    kept, bench.skip = bench.skip, skip
    try:
        engine = kind(bench.broker, bench.app(f"{job}-{kind.name}"), expected.topic, 1, **options)
        return one_run(bench, job, engine, expected, verify=verify,
                       seconds_max=None if verify else WINDOW_S_MAX, stall_s=300)
    finally:
        bench.skip = kept


def compare(bench, jobs, expected, skip, verify):
    """Streams once; foretell once by each of `jobs`, name to options, beside that one run."""
    streams = measured(bench, list(jobs)[0], Streams, STREAMS, expected, skip, verify)
    for job, options in jobs.items():
        foretell = measured(bench, job, Foretell, options, expected, skip, verify)
        bench.report.table(job, COLUMNS)
        bench.report.ratio(job, [foretell], [streams], "events_per_s")


def five_times(bench):
    """Every account is drawn at random: four of five draws fall on a fifth of them."""
    events = max(bench.events // 4, 1000000)
    accounts = 1000000 if bench.events >= 10000000 else 500000
    expected = bench.topic("wide.events", events, accounts=accounts)
    compare(bench, {"working_set_5x": FORETELL}, expected, events * 2 // 5, verify=True)
    bench.forget(expected)


def ten_million(bench):
    """One event for each account in scattered order, then the random ones, which are measured."""
    accounts = 10000000 if bench.events >= 10000000 else 1000000
    events = accounts + max(bench.events // 4, 500000)
    expected = bench.topic("many.events", events, accounts=accounts, first_pass=True)
    compare(bench, {"ten_million": FORETELL, "ten_million_whole": FORETELL_WHOLE}, expected,
            accounts + (events - accounts) // 10, verify=False)
    bench.forget(expected)
