#!/usr/bin/env python3
"""What resolving costs: a simulated company goes through resolve and identify on its own Kafka.

    make bench-names                                    about 90,000 names
    make bench-names ACCOUNTS=40000 MONTHS=2 UNLINKED=.2   half a million names, many events waiting
    make bench-names KNOWN=1000000 WAITING=100000          so many names, so many events waiting

In two parts: the first half of the time, in which every name is new and most wait for a link, then
the second half, which is what a running company costs. Of each it prints the processor time of the
whole process an event (Kafka client included) and what that makes a second on one core, for both
stages together and for resolve alone (another application); the seconds that a process takes which
finds nothing to do and which are in these, so what an event costs without them; then the peak of
the memory (MEMORY_MAX is the process's memory.max), and how many names are known and events wait.
A simulation, or, with KNOWN, invented events: mail addresses that each belong to a CRM account, and
others that nobody has linked, two events each. Fails where the memory was ever above memory.max, or
not all that was invented is known and waits.
"""

import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from lib.avro import decode, encode, latest_of_names, waiting_in  # noqa: E402
from lib import kafka  # noqa: E402
from lib.kafka import Broker  # noqa: E402

FORETELL = os.path.join(ROOT, "build/foretell")
kafka.READ_S_MAX = 1800  # a million states, on a machine that does other things, too
APP, ALONE = "names", "alone"
SOURCES = ("crm", "erp", "iot", "marketing", "support", "content", "market")
START = datetime.datetime(2024, 1, 1)  # of a simulated company
STAGES = ("resolve", "identify")
BATCH = 20000
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def foretell(broker, folder, *arguments, app=APP):
    return [FORETELL, *arguments, "--brokers", broker, "--state.dir", os.path.join(folder, "state"),
            "--partitions", "4", "--app", app]


def measure(command):
    """Runs it; returns what it counted by stage ({column: number}), its processor seconds, its peak
    memory in MB, and the seconds it took."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:
        rows = [row.split() for row in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {' '.join(command)}")
    names = next(row for row in rows if row and row[0] == "stage")
    counts = {row[0]: dict(zip(names[1:], row[1:])) for row in rows if row[0] in STAGES}
    return (counts, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024,
            time.monotonic() - began)


def count_states(broker):
    latest = latest_of_names(broker.read(f"{APP}.identity.meta"))
    waiting = sum(len(waiting_in(decode(value))) for value in latest.values())
    return sum(kind == b"name" for kind, _ in latest), waiting


def simulate(folder, accounts, months, unlinked):
    """Plays a company into files; returns the middle of its time."""
    subprocess.run([FORETELL, "simulate", "--out", os.path.join(folder, "company"), "--accounts",
                    accounts, "--months", months, "--unlinked", unlinked], check=True,
                   stdout=subprocess.DEVNULL)
    half = START + datetime.timedelta(days=int(months) * 365.25 / 24)
    return half.strftime("%Y-%m-%d")


def ingest(broker, folder, *bounds):
    for source in SOURCES:
        subprocess.run(foretell(broker.address, folder, "ingest", "avro", os.path.join(
            folder, "company", f"{source}.events.avro"), *bounds), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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


class Bench:
    def __init__(self, broker, folder):
        self.broker, self.folder = broker, folder
        self.memory_max = os.environ.get("MEMORY_MAX") or "1G"
        self.peak_mb = 0

    def measure(self, app, *stages):
        return measure(foretell(
            self.broker.address, self.folder, "run", *stages, "--until-end", "--clock", "data",
            "--tick.ms", "1d", "--memory.max", self.memory_max, app=app))

    def run(self, part, app, *stages):
        """Whatever lies before the stages, to its end; then nothing."""
        counts, cpu_s, peak_mb, took_s = self.measure(app, *stages)
        _, nothing_s, _, _ = self.measure(app, *stages)
        events = int(counts["resolve"]["records"])
        self.peak_mb = max(self.peak_mb, peak_mb)
        name = f"names_{part}" if len(stages) > 1 else f"names_{part}_{stages[0]}"
        print(f"figure {name}_events {events}\nfigure {name}_cpu_us {1e6 * cpu_s / events:.2f}\n"
              f"figure {name}_core_events_s {events / cpu_s:.0f}\n"
              f"figure {name}_nothing_cpu_s {nothing_s:.2f}\n"
              f"figure {name}_net_cpu_us {1e6 * (cpu_s - nothing_s) / events:.2f}\n"
              f"figure {name}_net_core_events_s {events / (cpu_s - nothing_s):.0f}\n"
              f"figure {name}_took_s {took_s:.1f}")
        if "identify" in counts:
            print(f"figure {name}_states_an_event "
                  f"{int(counts['identify']['published']) / events:.2f}")
        sys.stdout.flush()

    def end(self):
        """(names known, events that wait); fails beyond the bound of memory."""
        names, waiting = count_states(self.broker)
        print(f"figure names_known {names}\nfigure names_waiting {waiting}\n"
              f"figure names_peak_mb {self.peak_mb:.0f}\n"
              f"figure names_memory_max {self.memory_max}")
        bound_mb = int(self.memory_max[:-1]) * UNITS[self.memory_max[-1].upper()] / UNITS["M"]
        if self.peak_mb > bound_mb:
            sys.exit(f"{self.peak_mb:.0f} MB were resident, memory.max is {bound_mb:.0f} MB")
        return names, waiting


def expect(found, known, waiting):
    """Two events each of as many further names wait as there are pairs."""
    wanted = known // 2 * 2 + (waiting + 1) // 2, waiting
    if found != wanted:
        sys.exit(f"names known and events waiting are {found}, expected are {wanted}")


def both_halves(bench, accounts, months, unlinked):
    half = simulate(bench.folder, accounts, months, unlinked)
    for part, bound in (("first", "--until"), ("settled", "--from")):
        ingest(bench.broker, bench.folder, bound, half)
        bench.run(part, APP, *STAGES)
        bench.run(part, ALONE, "resolve")


def main():
    accounts, months, unlinked = (os.environ.get(name) or fallback for name, fallback in (
        ("ACCOUNTS", "4000"), ("MONTHS", "6"), ("UNLINKED", "0.01")))
    known, waiting = (int(os.environ.get(name) or 0) for name in ("KNOWN", "WAITING"))
    folder = tempfile.mkdtemp(prefix="foretell-names-")
    try:
        with Broker(folder) as broker:
            for app in (APP, ALONE):
                subprocess.run(foretell(broker.address, folder, "topics", "create", app=app),
                               check=True, stdout=subprocess.DEVNULL)
            bench = Bench(broker, folder)
            if known:
                invent(broker, known, waiting)
                bench.run("invented", APP, *STAGES)
                expect(bench.end(), known, waiting)
            else:
                both_halves(bench, accounts, months, unlinked)
                bench.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
