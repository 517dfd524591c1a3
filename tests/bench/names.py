#!/usr/bin/env python3
"""What resolving costs: a simulated company goes through resolve and identify on its own Kafka.

    make bench-names                                    about 90,000 names
    make bench-names ACCOUNTS=40000 MONTHS=1 UNLINKED=.2   half a million names, many events waiting
    make bench-names KNOWN=1000000 WAITING=100000          so many names, so many events waiting

Prints the processor time of the whole process an event (Kafka client included), what that makes a
second on one core, the peak of its memory (MEMORY_MAX is the process's memory.max), and how many
names are known and events wait. A simulation, or, with KNOWN, invented events: mail addresses that
each belong to a CRM account, and others that nobody has linked, two events each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from lib.avro import decode, encode  # noqa: E402
from lib import kafka  # noqa: E402
from lib.kafka import Broker  # noqa: E402

FORETELL = os.path.join(ROOT, "build/foretell")
kafka.READ_S_MAX = 1800  # a million states, on a machine that does other things, too
APP = "names"
BATCH = 20000
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


def simulate(broker, accounts, months, unlinked):
    subprocess.run([FORETELL, "simulate", "--kafka", "--accounts", accounts, "--months", months,
                    "--unlinked", unlinked, "--brokers", broker.address], check=True,
                   stdout=subprocess.DEVNULL)


def visit(number, mail, account):
    return {"event_id": f"v{number}", "source": "bench", "type": "marketing.visit",
            "subject": mail, "subject_scheme": "email", "event_ms": 1700000000000,
            "identifiers": [{"scheme": "crm.account", "value": account}] if account else []}


def invent(broker, known, waiting):
    """Half of the known names are accounts, the other half mail addresses that lead to them."""
    batch = []
    for number in range(known // 2 + waiting):
        extra = number - known // 2
        mail = f"p{number}@linked.example" if extra < 0 else f"p{extra // 2}@alone.example"
        batch.append((mail.encode(), encode("marketing_event", visit(
            number, mail, f"C-{number:07d}" if extra < 0 else None))))
        if len(batch) == BATCH:
            broker.produce("marketing.events", batch)
            batch = []
    broker.produce("marketing.events", batch)


def run(broker, folder, memory_max):
    events = sum(sum(broker.ends(f"{source}.events", False).values()) for source in (
        "crm", "erp", "iot", "marketing", "support", "content", "market"))
    cpu_s, peak_mb, took_s = measure(foretell(
        broker.address, folder, "run", "resolve", "identify", "--until-end", "--clock", "data",
        "--tick.ms", "1d", "--memory.max", memory_max))
    print(f"figure names_events {events}\nfigure names_cpu_us {1e6 * cpu_s / events:.2f}\n"
          f"figure names_core_events_s {events / cpu_s:.0f}\n"
          f"figure names_took_s {took_s:.1f}\nfigure names_peak_mb {peak_mb:.0f}\n"
          f"figure names_memory_max {memory_max}", flush=True)
    names, waiting = count_states(broker)
    print(f"figure names_known {names}\nfigure names_waiting {waiting}")


def main():
    accounts, months, unlinked = (os.environ.get(name) or fallback for name, fallback in (
        ("ACCOUNTS", "4000"), ("MONTHS", "3"), ("UNLINKED", "0.01")))
    folder = tempfile.mkdtemp(prefix="foretell-names-")
    try:
        with Broker(folder) as broker:
            subprocess.run(foretell(broker.address, folder, "topics", "create"), check=True,
                           stdout=subprocess.DEVNULL)
            if os.environ.get("KNOWN"):
                invent(broker, int(os.environ["KNOWN"]), int(os.environ.get("WAITING") or 0))
            else:
                simulate(broker, accounts, months, unlinked)
            run(broker, folder, os.environ.get("MEMORY_MAX") or "1G")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
