#!/usr/bin/env python3
"""Whether memory.max holds with many accounts on disk: the whole line, all six stages in one
process, on a Kafka of its own.

    make bench-memory                                          ten million accounts
    make bench-memory ACCOUNTS=1000000 MEMORY=512M MORE=200000

Each account gets one event, in scattered order, then come MORE events of accounts at random: nearly
every one needs a state from the disk. Then the store is deleted, and all states are restored from
their topics. Prints for both the peak of the resident memory beside memory.max, what of it is the
process's own (anonymous) and what are pages of files, the rate, and the size of the store.
"""

import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

from lib.kafka import Broker  # noqa: E402

FORETELL = os.path.join(ROOT, "build/foretell")
LOAD = os.path.join(ROOT, "build/tests/bench/bench_load")
OUT = os.path.join(ROOT, "build/bench")
APP, INPUT = "memory", "erp.events"
TICKS = os.sysconf("SC_CLK_TCK")
DAY_MS, DAYS = 86400000, 3
UNITS = {"K": 1 / 1024, "M": 1, "G": 1024}


def status(pid):
    """{name: MiB} of what /proc tells of memory; empty where it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            rows = [row.split() for row in file if row.startswith(("VmHWM", "RssAnon", "RssFile"))]
        return {row[0].rstrip(":"): int(row[1]) / 1024 for row in rows if len(row) > 1}
    except (FileNotFoundError, ProcessLookupError):
        return {}


def cpu_s(pid, before):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except (FileNotFoundError, ProcessLookupError):
        return before


def measure(what, command, events):
    """Runs it to its end, and prints figures."""
    log = os.path.join(OUT, f"memory-{what}.log")
    began, cpu, most, told = time.monotonic(), 0.0, {}, time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    while process.poll() is None:
        cpu = cpu_s(process.pid, cpu)
        for name, mib in status(process.pid).items():
            most[name] = max(most.get(name, 0), mib)
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"{what}: {told - began:.0f} s, {most.get('VmHWM', 0):.0f} MiB so far, store "
                  f"{folder_mb(command) / 1024:.1f} GiB", flush=True)
        time.sleep(0.2)
    took = time.monotonic() - began
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: see {log}")
    print(f"figure memory_{what}_peak_mib {most['VmHWM']:.0f}\n"
          f"figure memory_{what}_anon_mib {most['RssAnon']:.0f}\n"
          f"figure memory_{what}_file_mib {most['RssFile']:.0f}\n"
          f"figure memory_{what}_took_s {took:.0f}\n"
          f"figure memory_{what}_events_s {events / took:.0f}\n"
          f"figure memory_{what}_cpu_us {1e6 * cpu / events:.1f}\n"
          f"figure memory_{what}_store_gib {folder_mb(command) / 1024:.2f}", flush=True)
    return most["VmHWM"]


def folder_mb(command):
    folder = command[command.index("--state.dir") + 1]
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total / (1 << 20)


def run(broker, folder, accounts, more, memory):
    events = accounts + more
    common = ["--brokers", broker.address, "--app", APP, "--state.dir", folder, "--partitions",
              "4", "--inputs", INPUT]
    subprocess.run([FORETELL, "topics", "create", *common], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([LOAD, f"brokers={broker.address}", f"topic={INPUT}", f"events={events}",
                    f"accounts={accounts}", "first_pass=1", "erp=1",
                    f"apart_ms={max(1, DAYS * DAY_MS // events)}"], check=True)
    command = [FORETELL, "run", *common, "--until-end", "--clock", "data", "--tick.ms", "1d",
               "--memory.max", memory]
    limit = int(memory[:-1]) * UNITS[memory[-1]]
    peaks = [measure("work", command, events)]
    shutil.rmtree(os.path.join(folder, APP))
    peaks.append(measure("restore", command, accounts))
    print(f"figure memory_of_max {max(peaks) / limit:.3f}")
    return 0 if max(peaks) <= limit else 1


def main():
    accounts, more, memory = (os.environ.get(name) or fallback for name, fallback in (
        ("ACCOUNTS", "10000000"), ("MORE", "1000000"), ("MEMORY", "1G")))
    folder = os.path.join(OUT, "memory")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        with Broker(folder) as broker:
            code = run(broker, os.path.join(folder, "state"), int(accounts), int(more), memory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
