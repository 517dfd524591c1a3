"""M4 Weekly and Hourly: `foretell evaluate forecast` beside the published rows.

Protocol: the competition's. Each training series is forecast from its end, 13 weeks or 48 hours
ahead; the test values are opened for the scores alone. Seasons, weights and intervals are learnt
from the training parts. There is no random source.
"""

import os
import re
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


def judge(name, period, horizon, owa_max, published, folder):
    began = time.monotonic()
    text = subprocess.run(
        [os.environ["FORETELL"], "evaluate", "forecast",
         "--train", os.path.join(folder, f"{name}-train.csv.xz"),
         "--test", os.path.join(folder, f"{name}-test.csv.xz"),
         "--period", str(period), "--horizon", str(horizon),
         "--out", os.path.join(os.environ["TMPDIR"], f"{name}.csv")],
        check=True, capture_output=True, text=True).stdout
    took = time.monotonic() - began
    print(f"M4 {name}, {took:.1f} s\n\n{text}\npublished:")
    for row, (smape, mase, owa) in published.items():
        print(f"{row:12} {smape:9.3f} {mase:9.3f} {owa:7.3f}")
    rows = {m[1]: tuple(map(float, m.groups()[1:])) for m in re.finditer(
        r"^(\w+) +(\d+\.\d+) +(\d+\.\d+) +(\d+\.\d+)", text, re.M)}
    coverage = float(re.search(r"95 % interval: .*?coverage (\S+) %   80", text)[1])
    faults = [f"{row} is {rows[row]}, published {published[row]}" for row in REPRODUCED
              if row in published and rows[row] != published[row]]
    if rows["foretell"][2] > owa_max:
        faults.append(f"OWA {rows['foretell'][2]} is above {owa_max}")
    if abs(coverage - 95) > COVERAGE_OFF_MAX:
        faults.append(f"the 95 % interval covers {coverage} %")
    for fault in faults:
        print(f"MISSED: {fault}")
    print()
    return not faults


def main():
    folder = os.path.join(os.environ["DATA_DIR"], "m4")
    if not os.path.isdir(folder):
        print(f"skipped: there is no folder {folder}")
        return SKIPPED
    return 0 if all([judge(*each, folder) for each in SETS]) else 1


if __name__ == "__main__":
    sys.exit(main())
