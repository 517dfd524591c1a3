"""What a run costs, seen from outside and by the same code for every engine: committed offsets,
the processes' times from /proc, peak memory."""

import os
import time

POLL_S = 0.02
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system time of a whole process, seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def machine_s():
    """Time that the machine was busy, or taken away by its host; seconds over all cores."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(x) for x in f.readline().split()[1:]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_S


def status_mb(pid, name):
    """VmHWM (peak resident) or VmRSS, MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


class Stalled(Exception):
    """An engine that died, or does not get on."""


class Sample:
    def __init__(self, group, pid, broker_pid):
        self.events = group.total()
        self.at = time.monotonic()
        self.cpu = cpu_s(pid)
        self.broker_cpu = cpu_s(broker_pid)
        self.others_cpu = machine_s() - self.cpu - self.broker_cpu


def window(group, engine, broker_pid, skip, total, stall_s=120, seconds_max=None):
    """Waits until `total` events are committed; figures of those beyond the first `skip`.

    A window begins at the first look that finds at least `skip` committed and ends at the first
    that finds them all (or after seconds_max). Times are those of the looks."""
    first = last = None
    moved_at = time.monotonic()
    while True:
        if not engine.running():
            raise Stalled(f"{engine.name} ended by itself; see {engine.log_path}")
        sample = Sample(group, engine.pid, broker_pid)
        if first is None and sample.events >= skip and (skip > 0 or sample.events > 0):
            first = sample
        if last is None or sample.events != last.events:
            moved_at = sample.at
        last = sample
        if sample.events >= total:
            break
        if first is not None and seconds_max and sample.at - first.at >= seconds_max:
            break
        if sample.at - moved_at > stall_s:
            raise Stalled(f"{engine.name} commits nothing any more at {sample.events} events; "
                          f"see {engine.log_path}")
        time.sleep(POLL_S)
    events = last.events - first.events
    seconds = last.at - first.at
    if events <= 0 or seconds <= 0:
        raise Stalled(f"{engine.name}: too few events for a window")
    return {
        "events": events, "seconds": round(seconds, 3), "events_per_s": round(events / seconds),
        "cpu_s_per_million": round((last.cpu - first.cpu) / events * 1e6, 4),
        "broker_cpu_s_per_million":
            round((last.broker_cpu - first.broker_cpu) / events * 1e6, 4),
        "rss_peak_mb": round(status_mb(engine.pid, "VmHWM"), 1),
        # What neither the engine nor the broker used: the measuring itself, and any noise.
        "others_cores": round((last.others_cpu - first.others_cpu) / seconds, 2),
    }
