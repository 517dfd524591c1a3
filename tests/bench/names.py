#!/usr/bin/env python3
"""What resolving costs: a simulated company goes through resolve and identify on its own Kafka.

    make bench-names                                    about 90,000 names
    make bench-names ACCOUNTS=40000 MONTHS=1 UNLINKED=.2   half a million names, many events waiting

Prints the processor time of the whole process an event (Kafka client included), what that makes a
second on one core, the peak of its memory, and how many names are known and events wait. A
simulation: its mix of names and events is invented.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from lib.avro import decode  # noqa: E402
from lib.kafka import Broker  # noqa: E402

FORETELL = os.path.join(ROOT, "build/foretell")
APP = "names"
TICKS = os.sysconf("SC_CLK_TCK")


def foretell(broker, folder, *arguments):
    return [FORETELL, *arguments, "--brokers", broker, "--state.dir", folder, "--partitions", "4",
            "--app", APP]


def measure(command):
    """Runs it; returns its processor seconds, its peak memory in MB, and the seconds it took."""
    began, cpu_s, peak_mb = time.monotonic(), 0.0, 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                peak_mb = next(int(row.split()[1]) for row in file if row.startswith("VmHWM"))/1024
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            pass
        time.sleep(0.2)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
    return cpu_s, peak_mb, time.monotonic() - began


def count_states(broker):
    names, waiting = set(), set()
    for record in broker.read(f"{APP}.identity.meta"):
        kind = record.key.split(b"/", 2)[1]
        if kind == b"name":
            names.add(record.key)
        elif kind == b"waiting" and record.value is None:
            waiting.discard(record.key)
        elif kind == b"waiting" and decode(record.value)["part"] == 0:
            waiting.add(record.key)
    return len(names), len(waiting)


def run(broker, folder, accounts, months, unlinked):
    subprocess.run(foretell(broker.address, folder, "topics", "create"), check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run([FORETELL, "simulate", "--kafka", "--accounts", accounts, "--months", months,
                    "--unlinked", unlinked, "--brokers", broker.address], check=True,
                   stdout=subprocess.DEVNULL)
    events = sum(sum(broker.ends(f"{source}.events", False).values()) for source in (
        "crm", "erp", "iot", "marketing", "support", "content", "market"))
    cpu_s, peak_mb, took_s = measure(foretell(
        broker.address, folder, "run", "resolve", "identify", "--until-end", "--clock", "data",
        "--tick.ms", "1d"))
    names, waiting = count_states(broker)
    print(f"figure names_events {events}\nfigure names_cpu_us {1e6 * cpu_s / events:.2f}\n"
          f"figure names_core_events_s {events / cpu_s:.0f}\n"
          f"figure names_took_s {took_s:.1f}\nfigure names_peak_mb {peak_mb:.0f}\n"
          f"figure names_known {names}\nfigure names_waiting {waiting}")


def main():
    accounts, months, unlinked = (os.environ.get(name) or fallback for name, fallback in (
        ("ACCOUNTS", "4000"), ("MONTHS", "3"), ("UNLINKED", "0.01")))
    folder = tempfile.mkdtemp(prefix="foretell-names-")
    try:
        with Broker(folder) as broker:
            run(broker, folder, accounts, months, unlinked)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
