#!/usr/bin/env python3
"""memory.max holds: with everything there is to read waiting in the log, several times more states
than fit into the cache, and a restore of all of them, a process stays below it."""

import contextlib
import os
import re
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import digest  # noqa: E402  (after the path)
from lib.avro import encode  # noqa: E402
from lib.kafka import Producer  # noqa: E402
from lib.orders import BEGIN_MS, DAY_MS  # noqa: E402
from lib.program import world  # noqa: E402
from lib.tap import check, diag, run, same, test  # noqa: E402

APP = "small"
MEMORY_MB = 300
ACCOUNTS, ROUNDS = 50000, 3
RUN_S_MAX = 150
OPTIONS = ("--inputs", "erp.events", "--clock", "data", "--tick.ms", str(DAY_MS),
           "--memory.max", f"{MEMORY_MB}M")


def feed(line):
    """Each account orders once in each round, so that every round goes through all states."""
    producer = Producer({"bootstrap.servers": line.broker.address, "linger.ms": 20,
                         "partitioner": "murmur2_random", "compression.type": "lz4",
                         "queue.buffering.max.messages": 1000000})
    for serial in range(ACCOUNTS * ROUNDS):
        account = f"c{serial % ACCOUNTS:06d}"
        producer.produce("erp.events", key=account.encode(), value=encode("erp_event", {
            "event_id": f"o{serial}", "source": "shop", "type": "erp.order", "subject": account,
            "event_ms": BEGIN_MS + serial * 3 * DAY_MS // ACCOUNTS, "trace_id": None,
            "amount_minor": 100 + serial % 977, "currency": "EUR", "quantity": 1,
            "attrs": {"country": "Chile"}}))
        if serial % 10000 == 0:
            producer.poll(0)
    same(producer.flush(60), 0, "events that were not taken")


def peak_mb(line, *more):
    """Runs to the end of the input; the most memory that the process had, MiB, and its log."""
    log = line.path("memory.log")
    with open(log, "wb") as file:
        process = subprocess.Popen(line.command(("run", *OPTIONS, *more), APP),
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                   env=line.environment({"FORETELL_LOG_LEVEL": "info"}))
    peak, end = 0, time.monotonic() + RUN_S_MAX
    while process.poll() is None:
        with contextlib.suppress(OSError):  # it may have ended: then it has no memory
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                for kib in re.findall(r"VmHWM:\s+(\d+)", status.read()):
                    peak = max(peak, int(kib) // 1024)
        if time.monotonic() > end:
            process.kill()
            process.wait()
        time.sleep(0.02)
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    same(process.returncode, 0, f"exit code; {text[-1500:]}")
    return peak, text


@test("all events wait, and states that do not fit into the cache come and go")
def load(line):
    line.call("topics", "create", *OPTIONS[:2], app=APP)
    feed(line)
    peak, _ = peak_mb(line, "--until-end")
    diag(f"{ACCOUNTS} accounts, {ACCOUNTS * ROUNDS} events: {peak} MiB at the most")
    check(0 < peak < MEMORY_MB, f"{peak} MiB")
    same(len(digest.digest_table(line.broker, f"{APP}.accounts")), ACCOUNTS, "accounts")


@test("all states are restored from their topic", needs=load)
def restore(line):
    subprocess.run(["rm", "-rf", line.state_folder(APP)], check=True)
    peak, text = peak_mb(line, "--until-end")
    restored = sum(int(n) for n in re.findall(r'"states":(\d+)', text))
    diag(f"{restored} states restored: {peak} MiB at the most")
    check(restored >= ACCOUNTS, f"{restored} states; {text[-1500:]}")
    check(0 < peak < MEMORY_MB, f"{peak} MiB")


@test("less than the least is refused, with what is expected")
def least(line):
    result = line.call("run", "--memory.max", "64M", app=APP, code=2)
    check("memory.max" in result.err, result.err)


if __name__ == "__main__":
    run(world())
