#!/usr/bin/env python3
"""`foretell evaluate forecast` from outside: whatever a file holds, there is a sensible forecast or
a refusal that says what to do; what drives a series makes its forecast better."""

import contextlib
import csv
import datetime
import math
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/e2e")
from lib.tap import check, run, same, test  # noqa: E402

FORETELL = os.environ.get("FORETELL", "build/foretell")
HEADER = "id,step,point,q2.5,q10,q50,q90,q97.5"


class Place:
    """A folder, and foretell called on files in it."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, rows):
        with open(self.path(name), "w", newline="", encoding="utf-8") as f:
            f.write(rows if isinstance(rows, str) else "\n".join(
                ",".join([i] + [f"{v:.6g}" for v in values]) for i, values in rows) + "\n")
        return self.path(name)

    def forecast(self, *arguments):
        return subprocess.run([FORETELL, "evaluate", "forecast", *arguments],
                              capture_output=True, text=True, timeout=150)

    def made(self, train, horizon, *arguments):
        """{(id, step): [point, quantiles...]} of a forecast that must succeed."""
        out = self.path("out.csv")
        done = self.forecast("--train", train, "--horizon", str(horizon), "--out", out, *arguments)
        same((done.returncode, done.stderr), (0, ""), done)
        with open(out, newline="", encoding="utf-8") as f:
            same(f.readline().strip(), HEADER, "the header")
            return {(row[0], int(row[1])): [float(v) for v in row[2:]] for row in csv.reader(f)}


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as folder:
        yield Place(folder)


NASTY = {
    "one point": "5",
    "two": "5,6",
    "constant": ",".join(["3"] * 30),
    "zeros": ",".join(["0"] * 30),
    "gaps": "1,,,4,NaN,6,7,,9,10,11,12,,14,15,16",
    "gap at the end": "1,2,3,4,5,6,7,8,9,10,NA,NA",
    "negative": ",".join(str(-1 - i % 4) for i in range(30)),
    "huge": ",".join(["1e30", "-1e30"] * 15),
    "tiny": ",".join(["1e-300", "2e-300"] * 15),
    "wild": "1,1e30,1e-30,1e15,3,1e29,1e-300,5,1e30,1e-30,1e15,3",
    "rare": ",".join("7" if i % 6 == 5 else "0" for i in range(40)),
    "a step": ",".join("10" if i < 25 else "90" for i in range(30)),
    "a spike": ",".join("1000" if i == 20 else "10" for i in range(40)),
}


@test("odd series each get finite, ordered quantiles at every step")
def odd_series(here):
    train = here.write("odd.csv", "".join(f"{k},{v}\r\n" for k, v in NASTY.items()))
    for horizon in (1, 13, 400):
        made = here.made(train, horizon, "--period", "4")
        same(len(made), horizon * len(NASTY), "rows")
        for key, values in made.items():
            check(all(map(math.isfinite, values)), key, values)
            check(values[1:] == sorted(values[1:]), key, values)
    made = here.made(train, 4)
    same([made["constant", h][0] for h in (1, 4)], [3, 3], "a constant")
    check(made["zeros", 4][0] == 0 and max(made["zeros", 4]) < 1e-6, made["zeros", 4])
    check(made["rare", 1][1] >= 0, "what was never negative", made["rare", 1])
    check(abs(made["one point", 4][0] - 5) < 1e-9, made["one point", 4])
    check(abs(made["a spike", 1][0] - 10) < 5, made["a spike", 1])


@test("what is no file of series, or can't be scored, is refused with what to do")
def refusals(here):
    good = here.write("good.csv", "a,1,2,3,4,5,6,7,8,9\nb,4,4,5,5,4,4,5,5\n")

    def refused(text, *words, arguments=("--horizon", "2"), code=1):
        train = here.write("bad.csv", text) if text is not None else good
        done = here.forecast("--train", train, *arguments)
        same(done.returncode, code, done)
        for word in words:
            check(word in done.stderr, word, done.stderr)
    refused("", "no series")
    refused("id,v1\n", "no series")
    refused("a,1,2\nb,1,x\n", "line 2", "no number")
    refused("a,1,inf\n", "no number")
    refused("a,1,2e30\n", "larger than 1e30")
    refused("a,1,2\nb,2\na,3,4\n", "the id a is there twice")
    refused("a,1,2\n,3,4\n", "line 2", "id is empty")
    refused("a,1,2\nhollow,NA,NaN\n", "hollow", "leave it out")
    refused("a,1,\0,3\n", "line 1")
    refused(None, "--horizon", arguments=("--horizon", "0"), code=2)
    refused(None, "--horizon", arguments=("--horizon", "401"), code=2)
    refused(None, "--horizon", arguments=("--horizon", "2.5"), code=2)
    refused(None, "--period", arguments=("--horizon", "2", "--period", "-1"), code=2)
    refused(None, "--horizon", arguments=(), code=2)
    for text, words in (("a,1,2\n", ["series b", "0 are there"]),
                        ("a,1,2\nb,1\n", ["series b", "1 are there"]),
                        ("a,1,2\nb,,3\n", ["series b", "lacks a value"]),
                        ("a,1,2\nb,3,4,5\nb,1,2\n", ["b is there twice"])):
        actual = here.write("actual.csv", text)
        refused(None, *words, arguments=("--horizon", "2", "--test", actual))
    done = here.forecast("--train", here.path("absent.csv"), "--horizon", "2")
    check(done.returncode == 1 and "absent.csv" in done.stderr, done)
    done = here.forecast("--train", good, "--horizon", "2", "--out", here.path("no/out.csv"))
    check(done.returncode == 1 and "no/out.csv" in done.stderr, done)


WEEKS, AHEAD = 120, 6


def driven(count, seed):
    """Demand with promotions that lift it by half and a competitor's that cost a quarter of it."""
    rng = random.Random(seed)
    series, drivers = [], []
    for i in range(count):
        own = [float(rng.random() < 0.25) for _ in range(WEEKS + AHEAD)]
        other = [float(rng.random() < 0.2) for _ in range(WEEKS + AHEAD)]
        level, values = rng.uniform(50, 500), []
        for t in range(WEEKS + AHEAD):
            level *= math.exp(rng.gauss(0, 0.02))
            values.append(level * math.exp(0.4 * own[t] - 0.3 * other[t] + rng.gauss(0, 0.05)))
        series.append((f"s{i}", values))
        drivers += [(f"promotion@s{i}", own), (f"competitor@s{i}", other)]
    noise = [("weather", [rng.gauss(0, 1) for _ in range(WEEKS + AHEAD)])]
    return series, drivers + noise


def less(text):
    return [float(v) for v in re.search(
        r"make MASE (\S+) % less, sMAPE (\S+) %, the pinball loss (\S+) %", text).groups()]


@test("known promotions make forecasts better; noise changes nothing")
def regressors(here):
    series, drivers = driven(30, 1)
    train = here.write("train.csv", [(i, v[:WEEKS]) for i, v in series])
    actual = here.write("test.csv", [(i, v[WEEKS:]) for i, v in series])

    def judged(rows):
        done = here.forecast("--train", train, "--test", actual, "--horizon", str(AHEAD),
                             "--regressors", here.write("drivers.csv", rows))
        same((done.returncode, done.stderr), (0, ""), done)
        return done.stdout
    text = judged(drivers)
    check(min(less(text)) > 40, text)  # what is left is the level's walk and 5 % of noise
    for name, effect in (("promotion", 49.2), ("competitor", -25.9)):
        found = re.search(rf"^{name} +30 +(\d+) +([-+]\S+) %$", text, re.M)
        check(found and int(found[1]) >= 29 and abs(float(found[2]) - effect) < 4, text)
    check(int(re.search(r"^weather +30 +(\d+)", text, re.M)[1]) <= 3, text)
    unknown = judged([(i, v[:WEEKS]) for i, v in drivers])
    gains = less(unknown)  # the past is understood better, if no more
    check(-3 < gains[0] < 40, unknown)
    only_noise = judged(drivers[-1:])
    check(abs(less(only_noise)[0]) < 3, only_noise)


@test("regressors that don't fit their series are refused by name", needs=regressors)
def regressor_refusals(here):
    train = here.write("t.csv", "a,1,2,3,4,5,6\nb,1,2,3,4\n")

    def refused(text, *words):
        done = here.forecast("--train", train, "--horizon", "2", "--regressors",
                             here.write("r.csv", text))
        same(done.returncode, 1, done)
        for word in words:
            check(word in done.stderr, word, done.stderr)
    refused("price,1,2,3,4,5\n", "price has 5 values, series a has 6", "price@SERIES")
    refused("price@c,1,2,3,4,5,6\n", "price@c", "no such series")
    refused("@a,1,2,3,4,5,6\n", "NAME@SERIES")
    refused("price,NA,NA,NA,NA,NA,NaN\n", "price", "no value")
    refused("price,1,2,3,x\n", "line 1", "no number")
    refused("".join(f"r{k},1,2,3,4,5,6\n" for k in range(11)), "r10", "at most 10")
    made = here.made(train, 2, "--regressors",
                     here.write("r.csv", "price,1,2,,4,5,7\nprice@b,5,5,6,6,7,8,9\n"))
    check(all(math.isfinite(v) for values in made.values() for v in values), made)


@test("lone outliers and a level that was left don't spoil what is cleaned")
def cleaning(here):
    rng = random.Random(3)
    rows, odd = [], []
    for i in range(20):
        values = [(80 if t < 60 else 200) + rng.gauss(0, 5) for t in range(106)]
        rows.append((f"s{i}", values))
        odd.append((f"s{i}", [v * (9 if t in (95, 70 + i) else 1)
                              for t, v in enumerate(values[:100])]))
    actual = here.write("c-test.csv", [(i, v[100:]) for i, v in rows])
    flags = ["--train", here.write("c.csv", odd), "--test", actual, "--horizon", "6"]

    def smape(*more):
        done = here.forecast(*flags, *more)
        same((done.returncode, done.stderr), (0, ""), done)
        return float(re.search(r"^foretell +(\S+)", done.stdout, re.M)[1]), done.stdout
    plain, _ = smape()
    cleaned, text = smape("--clean")
    check("outliers put back, 20 shifts" in text, text)
    check(cleaned < 2.4 and cleaned < 0.9 * plain, cleaned, plain)


@test("months' lengths and holidays are taken from the calendar")
def calendar(here):
    import calendar as days
    rng = random.Random(5)
    rows = []
    for i in range(10):
        values = []
        for m in range(72):
            year, month = 2018 + m // 12, m % 12 + 1
            worked = sum(days.weekday(year, month, d) < 5
                         for d in range(1, days.monthrange(year, month)[1] + 1))
            worked -= (year, month) in ((2018, 5), (2019, 6), (2020, 5), (2021, 5), (2022, 6),
                                        (2023, 5))
            values.append(1000 * worked * math.exp(rng.gauss(0, 0.01)))
        rows.append((f"m{i}", values))
    train = here.write("m.csv", [(i, v[:60]) for i, v in rows])
    actual = here.write("n.csv", [(i, v[60:]) for i, v in rows])
    holidays = here.write("h.txt", "2018-05-21\n2019-06-10\n2020-06-01\n2020-05-21\n2021-05-24\n"
                                   "2022-06-06\n2023-05-29\n2020-05-30\n")
    flags = ["--train", train, "--test", actual, "--horizon", "12", "--period", "12"]
    done = here.forecast(*flags, "--start", "2018-01-01", "--step", "month", "--holidays", holidays)
    same((done.returncode, done.stderr), (0, ""), done)
    check(less(done.stdout)[0] > 30, done.stdout)
    for arguments, words in ((["--start", "2018-01-01"], ["--step"]),
                             (["--start", "1.1.2018", "--step", "day"], ["1.1.2018"]),
                             (["--start", "2018-01-01", "--step", "hour"], ["hour", "month"]),
                             (["--holidays", holidays], ["--start"])):
        done = here.forecast(*flags, *arguments)
        same(done.returncode, 2, done)
        for word in words:
            check(word in done.stderr, word, done.stderr)
    bad = here.write("bad.txt", "2018-05-21\n2018-13-01\n")
    done = here.forecast(*flags, "--start", "2018-01-01", "--step", "month", "--holidays", bad)
    check(done.returncode == 1 and "line 2" in done.stderr, done)


MAP = """{"topic": "erp.events", "schema": "erp_event", "source": "shop", "type": "erp.order",
 "csv": {"delimiter": ","}, "subject": {"column": "id"},
 "time": {"column": "date", "format": "%Y-%m-%d", "zone": "UTC"},
 "amount": {"column": "paid", "scale": 2, "currency": "EUR"}}"""


@test("orders of any kind give a forecast that adds up, or a refusal; their order does not matter")
def odd_orders(here):
    mapping = here.write("map.json", MAP)
    dates = [str(datetime.date(2020, 1, 1) + datetime.timedelta(i)) for i in range(300)]

    def call(rows, *more):
        path = here.write("o.csv", "id,date,paid\n"
                          + "".join(f"a,{date},{paid}\n" for date, paid in rows))
        return here.forecast("--orders", path, *(more or ("--map", mapping)))
    rng = random.Random(4)
    rows = [(date, rng.randrange(1, 90)) for date in dates]
    good = call(rows)
    same((good.returncode, good.stderr), (0, ""), good)
    check("sum: 0 minor units" in good.stdout, good.stdout)
    same(call(rng.sample(rows, len(rows))).stdout, good.stdout, "a clock that goes back")
    done = call(rows, "--map", mapping, "--out", here.path("weeks.csv"), "--plots",
                here.path("weeks"))
    same((done.returncode, done.stdout), (0, good.stdout), done)
    with open(here.path("weeks.csv"), newline="", encoding="utf-8") as f:
        same(f.readline().strip(), "dimension,node,last_week,step," + HEADER[8:], "the header")
        made = [[float(v) for v in row[4:]] for row in csv.reader(f)]
    same(len(made), 13 * 4, "origins and steps")
    with open(here.path("weeks/forecast-1.svg"), encoding="utf-8") as f:
        drawn = f.read()
    check(all(word in drawn for word in ("total", "95 %", "came")), drawn[:500])
    for point, *ends in made:
        check(ends == sorted(ends) and ends[0] < point < ends[4], point, ends)
    for odd in ([(d, 0) for d in dates], [(d, 7) for d in dates], rows[:40] + rows[-40:]):
        done = call(odd)
        same((done.returncode, done.stderr), (0, ""), done)
        check("nan" not in done.stdout.lower(), done.stdout)
    for odd, more, words in (
            (rows, ["--threads", "1"], ["a mapping is needed"]),
            (rows, ["--map", mapping, "--by", "a,b,c,d,e"], ["up to 4"]),
            (rows, ["--map", mapping, "--by", "land"], ["--by land", "none at all"]),
            (rows, ["--map", mapping, "--clean"], ["takes no --clean"]),
            (rows, ["--map", mapping, "--horizon", "3"], ["takes no --horizon"]),
            ([], [], ["no row has an amount"]),
            ([(d, -1) for d in dates], [], ["refuses 300 of 300", "amount"]),
            (rows[:100], [], ["33 whole weeks are needed"]),
            (rows[:3], [], ["no whole week"]),
            (rows + [("1970-01-01", 1)], [], ["more than 1040 weeks"]),
            ([(d, 90000000000000000) for d in dates], [], ["64 bits"])):
        done = call(odd, *more)
        check(done.returncode in (1, 2), done)
        for word in words:
            check(word in done.stderr, word, done.stderr)


run(place())
