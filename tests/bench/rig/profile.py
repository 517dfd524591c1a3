"""Where a worker's time goes at full load: samples by perf, shown as time for each event."""

import collections
import glob
import os
import re
import shutil
import subprocess

from rig.engines import Failed, Foretell
from rig.kafka import Group
from rig.measure import window
from rig.places import OUT, ROOT

SAMPLES_PER_S = 1999
TOP = 20
SAMPLE = re.compile(r"^ *([0-9.]+)% +(.+?)  +(\S+) +\[(.)\] (.+?) *$")
# A function of the program by the folder that its source lies in; the rest of it is librdkafka.
MATHS = "base/dmath"
JOB = "tests/bench"


def own_functions():
    """{function: the path of its object file below build/obj}"""
    found = {}
    objects = os.path.join(ROOT, "build/obj")
    # Only what a worker runs: a stage's function of the same name must not stand for the job's.
    paths = [p for folder in ("tests/bench", "base", "schemas", "kafka", "state", "runtime")
             for p in glob.glob(os.path.join(objects, folder, "**/*.o"), recursive=True)]
    listing = subprocess.run(["nm", "-A", "--defined-only", *paths], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    for line in listing.splitlines():
        path, _, rest = line.rpartition(":")
        kind, name = rest.split()[1:3]
        if kind in "tT":
            found.setdefault(name.split(".")[0], os.path.relpath(path, objects))
    return found


def part_of(thread, library, level, function, own):
    if level == "k":
        return "the kernel"
    if thread.startswith("rocksdb"):
        return "RocksDB's own threads"
    if library.startswith("librocksdb"):
        return "RocksDB in the worker"
    if not library.startswith("bench_worker"):
        return "compression" if re.match("lib(lz4|zstd)", library) else "the C library"
    path = own.get(function.split(".")[0])
    if path is None:
        return "librdkafka"
    if path.startswith(MATHS):
        return "exponentials and logarithms"
    return "the rest of the job" if path.startswith(JOB) else path.split("/")[0] + "/"


def record(engine, seconds):
    data = os.path.join(OUT, "perf.data")
    done = subprocess.run(["perf", "record", "-q", "-F", str(SAMPLES_PER_S), "-o", data, "-p",
                           str(engine.pid), "--", "sleep", str(seconds)], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failed(f"perf record: {done.stdout}")
    return subprocess.run(["perf", "report", "-i", data, "--stdio", "--no-children", "-w", "0",
                           "--sort", "comm,dso,symbol"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout


def profile(bench):
    if shutil.which("perf") is None:
        bench.report.note("profile", "left out: there is no perf")
        return
    expected = bench.reference()
    engine = Foretell(bench.broker, bench.app("profile"), expected.topic)
    engine.make_topics()
    try:
        with Group(bench.broker, engine.group(), engine.topic) as group:
            engine.start()
            window(group, engine, bench.broker.pid, bench.skip, bench.skip * 2)
            report = record(engine, max(1, expected.events // 3000000))
            figures = window(group, engine, bench.broker.pid, bench.skip, expected.events)
    finally:
        engine.clean()
    own = own_functions()
    parts, functions = collections.Counter(), collections.Counter()
    for line in report.splitlines():
        match = SAMPLE.match(line)
        if match:
            share, thread, library, level, function = match.groups()
            function = function.split("  ")[0]  # some versions of perf add columns
            parts[part_of(thread, library, level, function, own)] += float(share)
            functions[f"{function} [{library}]"] += float(share)
    us = figures["cpu_s_per_million"]
    for counter, most in ((parts, None), (functions, TOP)):
        for name, share in counter.most_common(most):
            bench.report.note("profile", f"{share:5.1f} %  {share * us / 100:.3f} us  {name}")
    bench.report.run("profile", "foretell", {**figures, "parts": dict(parts)})
