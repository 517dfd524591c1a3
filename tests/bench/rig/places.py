"""Where things are."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
PEERS = os.path.join(ROOT, "tests/bench/peers")
OUT = os.path.join(ROOT, "build/bench")      # results, logs, the broker's data, states
PROGRAMS = os.path.join(ROOT, "build/tests/bench")
FORETELL = os.path.join(ROOT, "build/foretell")
