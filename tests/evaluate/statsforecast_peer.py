"""AutoETS of statsforecast on an M4 file, on all cores; run by the environment that has it.

    statsforecast_peer.py TRAIN PERIOD HORIZON OUT

Of each series the last 1,500 points count. Writes id,step,point,lower,upper (95 %) and prints what
forecasting took, reading and the start of Python left out: seconds, and seconds of CPU.
"""

import csv
import lzma
import multiprocessing
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

POINTS_MAX = 1500


def forecast(job):
    import numpy
    from statsforecast.models import AutoETS
    values, period, horizon = job
    began = time.process_time()
    made = AutoETS(season_length=period).forecast(
        y=numpy.array(values[-POINTS_MAX:]), h=horizon, level=[95])
    steps = list(zip(made["mean"], made["lo-95"], made["hi-95"]))
    return steps, time.process_time() - began


def main():
    path, period, horizon, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    with lzma.open(path, "rt") as f:
        rows = list(csv.reader(f))[1:]
    ids = [row[0] for row in rows]
    series = [[float(x) for x in row[1:] if x != ""] for row in rows]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        pool.map(forecast, [(series[0][:30], 1, 1)] * os.cpu_count())  # imports
        began = time.monotonic()
        made = pool.map(forecast, [(y, period, horizon) for y in series], chunksize=4)
        took = time.monotonic() - began
    with open(out, "w", encoding="utf-8") as f:
        for name, (steps, _) in zip(ids, made):
            for step, (point, lower, upper) in enumerate(steps, 1):
                f.write(f"{name},{step},{point:.10g},{lower:.10g},{upper:.10g}\n")
    print(f"{took:.2f} {sum(cpu for _, cpu in made):.2f}")


if __name__ == "__main__":
    main()
