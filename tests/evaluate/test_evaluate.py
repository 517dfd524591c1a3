#!/usr/bin/env python3
"""`foretell evaluate churn` and `inactivity` from outside: messy exports, what they refuse, what
they warn of, silence where nothing can be known, and the same bytes again."""

import contextlib
import csv
import datetime
import glob
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.path.insert(0, "tests/e2e")
from lib.tap import check, run, same, test  # noqa: E402

FORETELL = os.environ.get("FORETELL", "build/foretell")


class Place:
    """A folder, and foretell called on files in it."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, header, rows, delimiter=","):
        with open(self.path(name), "w", newline="", encoding="utf-8") as f:
            out = csv.writer(f, delimiter=delimiter)
            out.writerow(header)
            out.writerows(rows)
        return self.path(name)

    def evaluate(self, *arguments):
        return subprocess.run([FORETELL, "evaluate", *arguments], capture_output=True, text=True,
                              timeout=150)

    def churn(self, train, evaluated, out="p.csv", label="churned", *more):
        return self.evaluate("churn", "--train", train, "--test", evaluated, "--label", label,
                             "--out", self.path(out), *more)

    def predictions(self, name="p.csv"):
        with open(self.path(name), newline="", encoding="utf-8") as f:
            same(f.readline(), "id,probability,reasons\n", "the header")
            return [(i, float(p), reasons) for i, p, reasons in csv.reader(f)]


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as folder:
        yield Place(folder)


HEADER = ["customer_id", "plan", "spend", "since", "region", "visits", "note", "fixed", "churned"]
YES, NO = ["Yes", "yes ", "TRUE", "1"], ["No", "no", "false", "0"]


def messy(count, seed, unseen=False):
    """A plan and the spend act together; the rest is noise, blanks and oddities."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        plan = rng.choice(["Basic", "basic ", "Pro"])
        spend = rng.gauss(2000, 600)
        up = 2.5 if (plan.strip().lower() == "basic") == (spend > 2000) else -2.5
        left = rng.random() < 1 / (1 + math.exp(-up))
        since = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randrange(1000))
        rows.append([f"C-{seed}-{i:05}", plan if not unseen or i % 40 else "Ultra",
                     f"${spend:,.2f}" if i % 25 else "n/a", since.strftime("%d.%m.%Y"),
                     rng.choice("ABCDEFGH"), rng.randrange(50) if i % 7 else "",
                     f"note {rng.random()}", "x",
                     rng.choice(YES if left else NO)])
    return rows


@test("a messy export: kinds of columns, interactions, ids, charts, reasons")
def messy_export(here):
    train = here.write("a.csv", HEADER, messy(1200, 1), ";")
    rows = messy(800, 2, unseen=True)
    judged = here.write("b.csv", HEADER, rows, ";")
    done = here.churn(train, judged)
    same((done.returncode, done.stderr), (0, ""), done)
    check("customer_id (identifier)" in done.stdout, done.stdout)
    check("note (identifier)" in done.stdout and "fixed (constant)" in done.stdout, done.stdout)
    check("2 numbers, 1 dates, 2 categories" in done.stdout, done.stdout)
    said = here.predictions()
    same([row[0] for row in said], [row[0] for row in rows], "the ids, in order")
    check(all(0 < p < 1 for _, p, _ in said), "probabilities lie between 0 and 1")
    aucs = {line[:26].strip(): float(line[26:].split()[0]) for line in done.stdout.splitlines()
            if line.startswith(("foretell", "logistic regression"))}
    check(aucs["foretell"] > 0.85, aucs)              # the best possible is about .92
    check(aucs["logistic regression"] < 0.7, aucs)    # what acts together escapes it
    check(all("plan is" in r or "spend is" in r for _, _, r in said), said[:5])
    charts = glob.glob(here.path("p-charts/*.svg"))
    same(sorted(map(os.path.basename, charts)), ["calibration.svg", "lift.svg"], "charts")
    for chart in charts:
        xml.dom.minidom.parse(chart)


@test("the same files give the same bytes, another seed others", needs=messy_export)
def repeatable(here):
    before = open(here.path("p.csv"), "rb").read()
    here.churn(here.path("a.csv"), here.path("b.csv"), "again.csv")
    same(open(here.path("again.csv"), "rb").read(), before, "predictions")
    here.churn(here.path("a.csv"), here.path("b.csv"), "other.csv", "churned", "--seed", "2")
    check(open(here.path("other.csv"), "rb").read() != before, "a seed changes something")


@test("a test file without the label is predicted and not judged", needs=messy_export)
def unlabelled(here):
    rows = [row[:-1] for row in messy(60, 3)]
    done = here.churn(here.path("a.csv"), here.write("c.csv", HEADER[:-1], rows), "c-p.csv")
    same(done.returncode, 0, done)
    check("not judged" in done.stdout and "on the rows judged" not in done.stdout, done.stdout)
    same(len(here.predictions("c-p.csv")), 60, "predictions")


def refused(here, done, *words):
    same(done.returncode, 1, done)
    for word in words:
        check(word in done.stderr, word, done.stderr)
    check(not os.path.exists(here.path("no.csv")), "nothing is written")


@test("what can't be judged is refused with its reason")
def refusals(here):
    rows = messy(400, 4)
    good = here.write("good.csv", HEADER, rows)
    judged = here.write("judged.csv", HEADER, messy(200, 5))
    one = here.write("one.csv", HEADER, [row[:-1] + ["no"] for row in rows])
    refused(here, here.churn(one, judged, "no.csv"), "one class")
    refused(here, here.churn(good, one, "no.csv"), "same outcome")
    few = here.write("few.csv", HEADER, rows[:60])
    refused(here, here.churn(few, judged, "no.csv"), "too few rows to learn from", "60")
    short = here.write("short.csv", HEADER, messy(10, 6))
    refused(here, here.churn(good, short, "no.csv"), "too few rows to judge")
    refused(here, here.churn(good, judged, "no.csv", "Churn"), 'no column "Churn"', "region")
    refused(here, here.churn(good, good, "no.csv"), "same file")
    again = here.write("again.csv", HEADER, rows[::-1])
    refused(here, here.churn(good, again, "no.csv"), "rows it learnt from")
    refused(here, here.churn(good, judged, "no.csv", "region"), "8 answers", "--positive")
    refused(here, here.churn(good, judged, "no.csv", "churned", "--positive", "maybe"), "maybe")
    refused(here, here.churn(good, judged, "no.csv", "churned", "--drop", "nothing"), "nothing")
    refused(here, here.churn(good, judged, "no.csv", "churned", "--id", "key"), "key")
    refused(here, here.churn(good, here.path("absent.csv"), "no.csv"), "absent.csv")
    two = [row[:-1] + ["A" if row[-1] in YES else "B"] for row in rows]
    refused(here, here.churn(here.write("ab.csv", HEADER, two), judged, "no.csv"), "--positive")
    empty = here.write("empty.csv", HEADER, [])
    refused(here, here.churn(empty, judged, "no.csv"), "no rows")
    done = here.evaluate("churn", "--train", good)
    same(done.returncode, 2, done)


@test("a column that knows the outcome is warned of, and --drop leaves it out")
def leaks(here):
    def with_leak(rows):
        return [row + ["2024-01-01" if row[-1] in YES else ""] for row in rows]
    header = HEADER + ["closed_on"]
    train = here.write("la.csv", header, with_leak(messy(500, 7)))
    judged = here.write("lb.csv", header, with_leak(messy(200, 8)))
    done = here.churn(train, judged, "l.csv")
    same(done.returncode, 0, done)
    check('warning: column "closed_on" alone predicts' in done.stdout, done.stdout)
    same(done.stdout.count("warning"), 1, "warnings")
    done = here.churn(train, judged, "l.csv", "churned", "--drop", "closed_on")
    check("warning" not in done.stdout, done.stdout)
    check("closed_on (left out)" in done.stdout, done.stdout)


@test("shuffled labels are no better than the base rate, and every row gets it")
def noise(here):
    rows = messy(700, 9)
    answers = [row[-1] for row in rows]
    random.Random(1).shuffle(answers)
    train = here.write("na.csv", HEADER, [r[:-1] + [a] for r, a in zip(rows, answers)])
    done = here.churn(train, here.write("nb.csv", HEADER, messy(300, 10)), "n.csv")
    same(done.returncode, 0, done)
    check("no better than the base rate" in done.stdout, done.stdout)
    said = here.predictions("n.csv")
    same(len({p for _, p, _ in said}), 1, "different probabilities")
    check(all("no better than the base rate" in r for _, _, r in said), said[0])


@test("a model of XGBoost is judged beside, once its golden predictions are met")
def brought(here):
    names = [f"f{k}" for k in range(5)]
    with open("tests/unit/models/xgboost.csv", encoding="utf-8") as f:
        known = [line.split(",") for line in f]
    golden = here.write("g.csv", names + ["prediction"], [row[:6] for row in known])
    rng = random.Random(3)
    rows = [row[:5] + [int(rng.random() < float(row[5]))] for row in known * 8]
    judged = here.write("xb.csv", names + ["left"], rows)
    train = here.write("xa.csv", names + ["left"],
                       [[f"{rng.gauss(0, 1):.3f}" for _ in names] + [rng.randrange(2)]
                        for _ in range(200)])
    model = ["--model", "tests/unit/models/xgboost.json"]
    done = here.churn(train, judged, "x.csv", "left", *model, "--golden", golden)
    same((done.returncode, done.stderr), (0, ""), done)
    line = next(x for x in done.stdout.splitlines() if x.startswith("the model brought"))
    check(float(line[26:].split()[0]) > 0.7, line)
    known[7][5] = "0.5"
    golden = here.write("g.csv", names + ["prediction"], [row[:6] for row in known])
    refused(here, here.churn(train, judged, "no.csv", "left", *model, "--golden", golden),
            "row 8", "not used")
    same(here.churn(train, judged, "no.csv", "left", *model).returncode, 2, "no golden file")


MAP = {"topic": "erp.events", "schema": "erp_event", "source": "shop", "type": "erp.order",
       "csv": {"delimiter": ","}, "subject": {"column": "customer"},
       "time": {"column": "date", "format": "%Y-%m-%d", "zone": "UTC"},
       "amount": {"column": "amount", "scale": 2, "currency": "EUR"}}


def orders(count, days, seed):
    """Customers who order at a rhythm of their own, until each stops for good."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        at, gap = rng.uniform(0, days / 3), rng.uniform(5, 40)
        end = at + rng.expovariate(1 / 150)
        while at < min(end, days):
            date = datetime.date(2023, 1, 1) + datetime.timedelta(days=int(at))
            rows.append([f"K{i}", date.isoformat(), f"{rng.uniform(5, 90):.2f}"])
            at += rng.expovariate(1 / gap)
    rows.sort(key=lambda row: row[1])
    return rows


@test("inactivity: learnt before the cutoff, judged behind it, with its timeline")
def inactivity(here):
    path = here.write("orders.csv", ["customer", "date", "amount"], orders(500, 400, 1))
    with open(here.path("map.json"), "w", encoding="utf-8") as f:
        json.dump(MAP, f)

    def call(cutoff, horizon="60", source=path):
        return here.evaluate("inactivity", "--orders", source, "--map", here.path("map.json"),
                             "--cutoff", cutoff, "--horizon-days", horizon, "--out",
                             here.path("i.csv"))
    done = call("2023-11-01")
    same((done.returncode, done.stderr), (0, ""), done)
    aucs = {line[:26].strip(): float(line[26:].split()[0]) for line in done.stdout.splitlines()
            if line.startswith(("foretell", "recency"))}
    check(aucs["foretell"] > 0.85 and aucs["foretell"] > aucs["recency (ranking only)"], aucs)
    said = here.predictions("i.csv")
    check(len(said) > 300 and len({i for i, _, _ in said}) == len(said), len(said))
    same(sorted(os.listdir(here.path("i-charts"))),
         ["calibration.svg", "lift.svg", "timeline.svg"], "charts")
    xml.dom.minidom.parse(here.path("i-charts/timeline.svg"))
    # what comes behind the cutoff changes no prediction
    with open(path, encoding="utf-8") as f:
        known = [line for line in f if not "2023-11-01" <= line.split(",")[1] < "3"]
    with open(here.path("known.csv"), "w", encoding="utf-8") as f:
        f.writelines(known)
    done = call("2023-11-01", source=here.path("known.csv"))
    check("not judged" in done.stdout, done.stdout)
    same(here.predictions("i.csv"), said, "predictions without the future")
    done = call("2023-02-01")
    same(done.returncode, 1, done)
    check("31 days before the cutoff" in done.stderr, done.stderr)
    done = call("2023-11-20", source=here.path("known.csv"))
    same(done.returncode, 1, done)
    check("ends on 2023-10-31" in done.stderr, done.stderr)


run(place())
