#!/usr/bin/env python3
"""A short slice of `make chaos`, always the same seed: processes killed, frozen, told to leave,
their stores deleted, the broker stopped, the network cut; then every output is compared with that
of a clean pass."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "e2e")]

from chaos.trial import Options, Trial  # noqa: E402  (after the path)

SEED, SECONDS, KILLS, RATE, WORKERS = 5, 20, 5, 200, 2


def main():
    trial = Trial(Options(seed=SEED, seconds=SECONDS, kills=KILLS, rate=RATE,
                          worker_count=WORKERS), say=lambda text: print(f"# {text}", flush=True))
    print("1..1", flush=True)
    again = f"make chaos SEED={SEED} MINUTES={SECONDS / 60:.2f} KILLS={KILLS} RATE={RATE}"
    code = trial.execute(keep=False, again=f"{again} WORKERS={WORKERS}")
    print(f"{'not ' if code else ''}ok 1 - faults by seed {SEED}: no output differs from a clean "
          f"pass ({trial.monkey.kill_count} kills)", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
