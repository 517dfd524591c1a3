"""What the evaluations share: calling foretell, measuring predictions apart from it, tables."""

import csv
import math
import os
import random
import subprocess
import sys

FORETELL = os.environ.get("FORETELL", "build/foretell")
DATA = os.environ.get("DATA_DIR", "../shared/data")
TMP = os.environ.get("TMPDIR", "/tmp")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def data(path):
    """A file of the data sets; the evaluation is skipped where it is absent."""
    full = os.path.join(DATA, path)
    if not os.path.exists(full):
        skip(f"{path} is not in {DATA} (DATA_DIR=folder)")
    return full


def run(*arguments):
    done = subprocess.run([FORETELL, "evaluate", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"foretell evaluate {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def measures(output):
    """{name: {AUC: ..}} of the table that foretell prints."""
    rows = {}
    names = None
    for line in output.splitlines():
        if line.startswith("on the rows judged"):
            names = line[26:].replace("log loss", "log-loss").split()
        elif names and line.strip():
            rows[line[:26].strip()] = dict(zip(names, map(float, line[26:].split())))
        elif names:
            break
    return rows


def write(name, header, rows):
    path = os.path.join(TMP, name)
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(header)
        out.writerows(rows)
    return path


def predictions(path):
    with open(path, newline="", encoding="utf-8") as f:
        return {row["id"]: float(row["probability"]) for row in csv.DictReader(f)}


def auc(pairs):
    """Of (score, label): the share of pairs in order, ties half."""
    pairs = sorted(pairs)
    below = right = positives = 0
    i = 0
    while i < len(pairs):
        j = i
        while j < len(pairs) and pairs[j][0] == pairs[i][0]:
            j += 1
        tied = sum(label for _, label in pairs[i:j])
        right += tied * (below + (j - i - tied) / 2)
        below += j - i - tied
        positives += tied
        i = j
    return right / (positives * below)


def brier(pairs):
    return sum((p - y) ** 2 for p, y in pairs) / len(pairs)


def log_loss(pairs):
    return -sum(math.log(max(p if y else 1 - p, 1e-15)) for p, y in pairs) / len(pairs)


def calibration_error(pairs, bins=10):
    pairs = sorted(pairs)
    error = 0
    for k in range(bins):
        part = pairs[k * len(pairs) // bins:(k + 1) * len(pairs) // bins]
        error += abs(sum(p for p, _ in part) - sum(y for _, y in part)) / len(pairs)
    return error


def folds(rows, label, count, seed):
    """(train, test) of each fold, stratified by the label's column."""
    parts = [[] for _ in range(count)]
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)
    for i, row in enumerate(sorted(shuffled, key=lambda r: r[label])):
        parts[i % count].append(row)
    for k in range(count):
        yield [r for i, part in enumerate(parts) if i != k for r in part], parts[k]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Targets:
    """Figures held against what they should be; the exit code says whether all were met."""

    def __init__(self):
        self.missed = 0

    def check(self, name, value, low=None, high=None):
        met = (low is None or value >= low) and (high is None or value <= high)
        self.missed += not met
        wanted = f">= {low}" if low is not None else f"<= {high}"
        print(f"{'met   ' if met else 'MISSED'}  {name}: {value:.4f} (target {wanted})")

    def end(self):
        sys.exit(1 if self.missed else 0)
