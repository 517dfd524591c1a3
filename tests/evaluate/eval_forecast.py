"""M4 Weekly and Hourly, and weekly revenue of Online Retail, by `foretell evaluate forecast`.

M4, the competition's protocol: each training series is forecast from its end, 13 weeks or 48 hours
ahead; the test values are opened for the scores alone. Seasons, weights and intervals are learnt
from the training parts. Beside it: the published rows, and AutoETS of statsforecast 2.1.1 in this
run, on the same cores. Retail: rolling origin over the last 13 weeks, horizons 1 to 4.
There is no random source. EVERY=20 takes each 20th series of M4 alone, to see that all runs: then
nothing of M4 is judged.
"""

import csv
import lzma
import os
import re
import resource
import subprocess
import sys
import time

SKIPPED = 77

# Published rows: sMAPE, MASE, OWA. "winner": the overall winner of the competition.
SETS = [
    ("Weekly", 1, 13, 0.80, {"Naive2": (9.161, 2.777, 1.0), "Damped": (8.866, 2.404, .917),
                             "Comb": (8.944, 2.432, .926), "Theta": (9.093, 2.637, .971),
                             "winner": (7.817, 2.356, .851)}),
    ("Hourly", 24, 48, 0.47, {"Naive2": (18.383, 2.395, 1.0), "sNaive": (13.912, 1.193, .628),
                              "Theta": (18.138, 2.455, 1.006), "winner": (9.328, .893, .440)}),
]
REPRODUCED = ("Naive2", "sNaive")
COVERAGE_OFF_MAX = 2.0
FASTER_MIN = 20.0
NODES_BETTER_MIN = 0.8

FORETELL = os.environ["FORETELL"]
DATA = os.environ["DATA_DIR"]
TMP = os.environ["TMPDIR"]
EVERY = int(os.environ.get("EVERY", "1"))
ROOT = os.environ["TEST_ROOT"]
PEER = os.path.join(ROOT, "deps/statsforecast/bin/python")
PEER_READY = os.path.join(ROOT, "deps/statsforecast/.stamp")


def m4_path(name, part):
    path = os.path.join(DATA, "m4", f"{name}-{part}.csv.xz")
    if EVERY == 1:
        return path
    some = os.path.join(TMP, f"{name}-{part}.csv.xz")
    if not os.path.exists(some):
        with lzma.open(path, "rt") as f, lzma.open(some, "wt") as out:
            out.writelines(line for i, line in enumerate(f) if i == 0 or i % EVERY == 1)
    return some


def rows_of(path):
    with lzma.open(path, "rt") as f:
        return {row[0]: [float(x) for x in row[1:] if x != ""] for row in list(csv.reader(f))[1:]}


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def forecast(*flags):
    """What it prints, and the seconds and the seconds of CPU that it took, reading included."""
    began, cpu = time.monotonic(), cpu_of_children()
    text = subprocess.run([FORETELL, "evaluate", "forecast", *flags], check=True,
                          capture_output=True, text=True).stdout
    return text, time.monotonic() - began, cpu_of_children() - cpu


def peer_scores(path, name, period, horizon):
    """MSIS and coverage of the intervals in `path`, as M4 counts them."""
    train, test = rows_of(m4_path(name, "train")), rows_of(m4_path(name, "test"))
    width, covered, points = {}, 0, 0
    with open(path, encoding="utf-8") as f:
        for key, step, _, lower, upper in csv.reader(f):
            actual, low, high = test[key][int(step) - 1], float(lower), float(upper)
            points += 1
            covered += low <= actual <= high
            width.setdefault(key, []).append(
                high - low + 40 * max(low - actual, 0) + 40 * max(actual - high, 0))
    msis = 0
    for key, widths in width.items():
        y = train[key]
        scale = sum(abs(a - b) for a, b in zip(y[period:], y)) / (len(y) - period)
        msis += sum(widths) / horizon / scale / len(width)
    return msis, 100 * covered / points


def judge_m4(name, period, horizon, owa_max, published):
    text, took, cpu = forecast(
        "--train", m4_path(name, "train"), "--test", m4_path(name, "test"), "--period", str(period),
        "--horizon", str(horizon), "--out", os.path.join(TMP, f"{name}.csv"))
    print(f"M4 {name}, {took:.1f} s, {cpu:.1f} s of CPU\n\n{text}\npublished:")
    for row, (smape, mase, owa) in published.items():
        print(f"{row:12} {smape:9.3f} {mase:9.3f} {owa:7.3f}")
    rows = {m[1]: tuple(map(float, m.groups()[1:])) for m in re.finditer(
        r"^(\w+) +(\d+\.\d+) +(\d+\.\d+) +(\d+\.\d+)", text, re.M)}
    msis, coverage = map(float, re.search(
        r"95 % interval: MSIS (\S+), coverage (\S+) %   80", text).groups())
    faults = [f"{row} is {rows[row]}, published {published[row]}" for row in REPRODUCED
              if row in published and rows[row] != published[row]]
    if rows["foretell"][2] > owa_max:
        faults.append(f"OWA {rows['foretell'][2]} is above {owa_max}")
    if abs(coverage - 95) > COVERAGE_OFF_MAX:
        faults.append(f"the 95 % interval covers {coverage} %")
    peer = None
    if os.path.exists(PEER_READY):
        out = os.path.join(TMP, "peer.csv")
        peer = tuple(map(float, subprocess.run(
            [PEER, os.path.join(ROOT, "tests/evaluate/statsforecast_peer.py"),
             m4_path(name, "train"), str(period), str(horizon), out],
            check=True, stdout=subprocess.PIPE, text=True).stdout.split()))
        peer_msis, peer_coverage = peer_scores(out, name, period, horizon)
        print(f"\n95 % interval  foretell: MSIS {msis:.3f}, coverage {coverage:.2f} %   "
              f"AutoETS: MSIS {peer_msis:.3f}, coverage {peer_coverage:.2f} %\n"
              f"AutoETS took {peer[0]:.1f} s, {peer[1]:.1f} s of CPU")
        if msis >= peer_msis:
            faults.append("the MSIS is not below that of AutoETS")
    return faults, (took, cpu), peer


def judge_retail():
    path = os.path.join(DATA, "retail/online_retail.csv.xz")
    if not os.path.exists(path):
        print(f"Online Retail skipped: there is no {path}")
        return []
    mapping = os.path.join(ROOT, "mappings/retail.json")
    text, took, _ = forecast("--orders", path, "--map", mapping, "--by", "country,product:2")
    print(f"Online Retail, {took:.1f} s\n\n{text}")
    naive, ses = map(float, re.search(
        r"^ +total +\S+ +(\S+) +(\S+)", text, re.M).groups())
    better_naive, nodes, better_ses = map(int, re.search(
        r"^(\d+) of (\d+) nodes are better than naive, (\d+) better", text, re.M).groups())
    faults = []
    for other, skill, better in (("naive", naive, better_naive), ("SES", ses, better_ses)):
        if skill <= 0:
            faults.append(f"the total's skill against {other} is {skill} %")
        if better < NODES_BETTER_MIN * nodes:
            faults.append(f"{better} of {nodes} nodes are better than {other}")
    if "sum: 0 minor units" not in text:
        faults.append("the forecasts do not add up")
    return faults


def report(what, faults):
    for fault in faults:
        print(f"MISSED: {what}: {fault}")
    print(flush=True)
    return len(faults)


def main():
    if not os.path.isdir(os.path.join(DATA, "m4")):
        print(f"skipped: there is no folder {DATA}/m4")
        return SKIPPED
    missed, took, peers = 0, [], []
    if EVERY > 1:
        print(f"each {EVERY}th series of M4 alone: the published rows are of all of them")
    for each in SETS:
        faults, one, peer = judge_m4(*each)
        faults = faults if EVERY == 1 else []
        missed += report(f"M4 {each[0]}", faults)
        took.append(one)
        peers += [peer] if peer is not None else []
    if not peers:
        print("not compared with AutoETS: tools/setup evaluate installs it\n")
    else:
        faster, less_cpu = (sum(p[k] for p in peers) / sum(t[k] for t in took) for k in (0, 1))
        print(f"{faster:.1f} times as fast as AutoETS on {os.cpu_count()} cores, "
              f"{less_cpu:.1f} times in CPU time; load {os.getloadavg()[0]:.1f}")
        missed += report("speed", [] if faster >= FASTER_MIN or EVERY > 1 else
                         [f"less than {FASTER_MIN:.0f} times as fast as AutoETS"])
    missed += report("Online Retail", judge_retail())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
