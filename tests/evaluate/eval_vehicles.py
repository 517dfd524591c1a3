"""Weekly demand for electric vehicles by region, on simulated companies, with and without what is
known beside it: charging and the fleet's distance, two to four weeks before, and the competitor's
promotions announced so far.

Protocol: companies of SEEDS (`foretell simulate --vehicles`), 8 regions each; rolling origin, the
last ORIGINS times 4 weeks, 4 weeks ahead from each, nothing later looked at. Absolute errors,
summed over regions, origins and weeks. The simulation's own rules are in docs/allocations.md;
nothing was chosen on these companies.
"""

import collections
import csv
import datetime
import os
import subprocess
import sys

import fastavro

from measure import FORETELL, TMP, Targets, run

SEEDS = (201, 202, 203, 204, 205)
MONTHS, ORIGINS, HORIZON = 26, 6, 4
LAGS = (2, 3, 4)
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
WEEK = datetime.timedelta(weeks=1)


def weeks_of(folder):
    """{region: {signal: weekly sums}}, promotions as (announced, begin, end, percent), weeks."""
    sums = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    promotions = collections.defaultdict(list)
    last = START

    def records(topic):
        with open(os.path.join(folder, f"{topic}.events.avro"), "rb") as f:
            yield from fastavro.reader(f)
    for r in records("erp"):
        if r["type"] == "erp.order.line" and r["subject"].startswith("DEALER-"):
            week = (r["event_ms"] - START) // WEEK
            sums[r["attrs"]["region"]]["demand"][week] += r["payload"]["line"]["quantity"]
            last = max(last, r["event_ms"])
    for r in records("iot"):
        week = (r["event_ms"] - START) // WEEK
        if r["type"] == "iot.charging" and r["subject"].startswith("DEALER-"):
            sums[r["payload"]["charging"]["region"]]["charging"][week] += r["value"]
        elif r["name"] == "fleet-distance":
            sums[r["attrs"]["region"]]["fleet"][week] += r["value"]
    for r in records("market"):
        if r["type"] == "market.promotion":
            p = r["payload"]["promotion"]
            promotions[r["subject"]].append(
                (r["event_ms"], p["starts_ms"], p["ends_ms"], p["discount_percent"]))
    return sums, promotions, (last - START) // WEEK


def promoted(promotions, week, known_until):
    """Percent off on a mean day of the week, by what was announced before `known_until`."""
    begin = START + week * WEEK
    total = 0
    for announced, starts, ends, percent in promotions:
        days = (min(ends, begin + WEEK) - max(starts, begin)) / datetime.timedelta(days=1)
        total += percent * max(days, 0) / 7 if announced < known_until else 0
    return total


def rows_at(company, known):
    """(training rows, regressor rows) of a company's regions as they were after `known` weeks."""
    sums, promotions, _ = company["weeks"]
    train, drivers = [], []
    for region in sorted(sums):
        name = f"{company['seed']}.{region}"
        train.append([name] + [sums[region]["demand"][w] for w in range(known)])
        until = START + known * WEEK
        drivers.append([f"promotion@{name}"] + [
            round(promoted(promotions[region], w, until), 3) for w in range(known + HORIZON)])
        for signal in ("charging", "fleet"):
            for lag in LAGS:  # the first weeks have none: they are filled with what comes next
                values = [round(sums[region][signal][w], 2) for w in range(known)]
                drivers.append([f"{signal}-{lag}@{name}"] + [""] * lag + values)
    return train, drivers


def write(name, rows):
    path = os.path.join(TMP, name)
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows)
    return path


def errors(companies, back, *flags):
    """Sums of absolute errors, and of pinball losses at 90 %, by step, of one origin."""
    out = os.path.join(TMP, "out.csv")
    run("forecast", "--horizon", str(HORIZON), "--out", out, *flags)
    actual = {f"{c['seed']}.{region}": [sums["demand"][w] for w in range(c["last"] - back,
                                                                       c["last"] - back + HORIZON)]
              for c in companies for region, sums in c["weeks"][0].items()}
    absolute, pinball = 0, 0
    with open(out, encoding="utf-8") as f:
        for row in csv.DictReader(f):
            a = actual[row["id"]][int(row["step"]) - 1]
            q = float(row["q90"])
            absolute += abs(a - float(row["point"]))
            pinball += max(0.9 * (a - q), 0.1 * (q - a))
    return absolute, pinball


def main():
    companies = []
    for seed in SEEDS:
        folder = os.path.join(TMP, f"company-{seed}")
        subprocess.run([FORETELL, "simulate", "--vehicles", "--clean", "--seed", str(seed),
                        "--accounts", "20", "--months", str(MONTHS), "--feeds", "erp,iot,market",
                        "--out", folder], check=True, stdout=subprocess.DEVNULL)
        weeks = weeks_of(folder)
        companies.append({"seed": seed, "weeks": weeks, "last": weeks[2]})
    print(f"{__doc__}\nseeds {SEEDS}, {sum(len(c['weeks'][0]) for c in companies)} series of "
          f"{companies[0]['last']} weeks, {ORIGINS} origins\n")
    totals = collections.defaultdict(lambda: [0, 0])
    for k in range(1, ORIGINS + 1):
        back = k * HORIZON
        train, drivers = [], []
        for c in companies:
            one = rows_at(c, c["last"] - back)
            train += one[0]
            drivers += one[1]
        flags = ["--train", write("train.csv", train)]
        only_promotions = [row for row in drivers if row[0].startswith("promotion")]
        for name, more in (("without", []), ("promotions alone", only_promotions),
                           ("all signals", drivers)):
            extra = ["--regressors", write("drivers.csv", more)] if more else []
            for i, loss in enumerate(errors(companies, back, *flags, *extra)):
                totals[name][i] += loss
    print(f"{'':18} {'absolute error':>15} {'pinball at 90 %':>16} {'gain':>7} {'gain':>7}")
    for name, (absolute, pinball) in totals.items():
        gains = [100 * (1 - a / b) for a, b in zip((absolute, pinball), totals["without"])]
        print(f"{name:18} {absolute:15.0f} {pinball:16.1f} {gains[0]:6.1f}% {gains[1]:6.1f}%")
    targets = Targets()
    targets.check("error with all signals, of that without",
                  totals["all signals"][0] / totals["without"][0], high=0.95)
    targets.end()


if __name__ == "__main__":
    sys.exit(main())
