"""Months, quarters and years beside statsforecast 2.1.1: AutoETS, DynamicOptimizedTheta, and the
mean of both forecasts.

The last 18 months, 8 quarters or 6 years of each series are forecast from what is before them.
Series are those of statsforecast_frequencies.py (seed 1): public tables, averages of M4's weekly
and hourly training parts, and drawn ones; no choice was made by these pieces.
Scores are those of M4: OWA against Naive2, MSIS and coverage of the 95 % interval. Foretell is to
have the lower mean OWA over the sets of each frequency. EVERY=10 takes each 10th series: then
nothing is judged.
"""

import csv
import glob
import os
import re
import subprocess
import sys

SKIPPED = 77
SEED = 1
FREQUENCIES = {"yearly": (1, 6), "quarterly": (4, 8), "monthly": (12, 18)}

FORETELL, ROOT, TMP = os.environ["FORETELL"], os.environ["TEST_ROOT"], os.environ["TMPDIR"]
M4 = os.path.join(os.environ["DATA_DIR"], "m4")
EVERY = int(os.environ.get("EVERY", "1"))
PEER = os.path.join(ROOT, "deps/statsforecast/bin/python")
PEER_READY = os.path.join(ROOT, "deps/statsforecast/.stamp")


def rows_of(path):
    with open(path, encoding="utf-8") as f:
        return {row[0]: [float(x) for x in row[1:]] for row in csv.reader(f)}


def score(points, train, test, period):
    """sMAPE and MASE."""
    smape = mase = scaled = count = 0
    for key, actual in test.items():
        y, made = train[key], points[key]
        errors = [abs(a - f) for a, f in zip(actual, made)]
        smape += sum(200 * e / (abs(a) + abs(f)) if e > 0 else 0
                     for e, a, f in zip(errors, actual, made))
        count += len(actual)
        changes = [abs(a - b) for a, b in zip(y[period:], y)]
        if sum(changes) > 0:
            mase += sum(errors) / len(errors) / (sum(changes) / len(changes))
            scaled += 1
    return smape / count, mase / scaled


def intervals(lower, upper, train, test, period):
    """MSIS and coverage in percent."""
    msis = scaled = within = count = 0
    for key, actual in test.items():
        y, width = train[key], 0
        for a, low, high in zip(actual, lower[key], upper[key]):
            width += high - low + 40 * max(low - a, 0) + 40 * max(a - high, 0)
            within += low <= a <= high
            count += 1
        changes = [abs(a - b) for a, b in zip(y[period:], y)]
        if sum(changes) > 0:
            msis += width / len(actual) / (sum(changes) / len(changes))
            scaled += 1
    return msis / scaled, 100 * within / count


def peers_of(path):
    """{(model, "point" or an end): {id: values}}"""
    found = {}
    with open(path, encoding="utf-8") as f:
        for key, model, _, *values in csv.reader(f):
            for name, value in zip(("point", "lower", "upper"), values):
                found.setdefault((model, name), {}).setdefault(key, []).append(float(value))
    return found


def judge(base):
    """A row of the table; foretell's OWA, and that of the mean of both."""
    name = os.path.basename(base)
    period, horizon = FREQUENCIES[name.split("-")[1]]
    text = subprocess.run(
        [FORETELL, "evaluate", "forecast", "--train", f"{base}.train.csv", "--test",
         f"{base}.test.csv", "--period", str(period), "--horizon", str(horizon)],
        check=True, capture_output=True, text=True).stdout
    rows = {m[1]: (float(m[2]), float(m[3])) for m in re.finditer(
        r"^(Naive2|foretell) +(\S+) +(\S+)", text, re.M)}
    msis, coverage = re.search(r"95 % interval: MSIS (\S+), coverage (\S+) %", text).groups()
    train, test = rows_of(f"{base}.train.csv"), rows_of(f"{base}.test.csv")
    peers = peers_of(f"{base}.peer.csv")
    both = {key: [(a + b) / 2 for a, b in zip(values, peers["theta", "point"][key])]
            for key, values in peers["ets", "point"].items()}

    def owa(smape, mase):
        return (smape / rows["Naive2"][0] + mase / rows["Naive2"][1]) / 2
    owas = [owa(*rows["foretell"])] + [owa(*score(points, train, test, period)) for points in
                                       (both, peers["ets", "point"], peers["theta", "point"])]
    theirs = intervals(peers["ets", "lower"], peers["ets", "upper"], train, test, period)
    print(f"{name:18} {len(test):5}   " + "  ".join(f"{v:.3f}" for v in owas)
          + f"   {float(msis):7.2f} {theirs[0]:7.2f}   {float(coverage):5.1f} {theirs[1]:5.1f}",
          flush=True)
    return owas[0], owas[1]


def main():
    print(__doc__)
    if not os.path.isdir(M4):
        print(f"skipped: there is no folder {M4}")
        return SKIPPED
    if not os.path.exists(PEER_READY):
        print("skipped: there is no statsforecast (tools/setup evaluate)")
        return SKIPPED
    subprocess.run([PEER, os.path.join(ROOT, "tests/evaluate/statsforecast_frequencies.py"),
                    M4, TMP, str(EVERY), str(SEED)], check=True)
    print(f"{'':18} {'series':>6}  {'OWA':^26}   {'MSIS (95 %)':^15}   {'covers, %':^11}\n"
          f"{'':26} fore-  mean of Auto-  Theta     fore-   Auto-    fore- Auto-\n"
          f"{'':26} tell   both    ETS             tell    ETS      tell  ETS")
    bases = sorted(path.removesuffix(".peer.csv")
                   for path in glob.glob(os.path.join(TMP, "*.peer.csv")))
    owas = {os.path.basename(base): judge(base) for base in bases}
    print()
    missed = 0
    for frequency in FREQUENCIES:
        pairs = [pair for name, pair in owas.items() if name.endswith(frequency)]
        ours, both = (sum(p[k] for p in pairs) / len(pairs) for k in (0, 1))
        is_missed = EVERY == 1 and ours >= both
        missed += is_missed
        print(f"{'MISSED: ' if is_missed else ''}{frequency}: mean OWA {ours:.3f}, of the mean of "
              f"both {both:.3f}; better in {sum(p[0] < p[1] for p in pairs)} of {len(pairs)} sets")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
