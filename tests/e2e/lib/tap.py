"""TAP for Python tests: `@test("name")` on functions, `run(...)` at the end.

A test fails by an exception; `check` and `same` raise one that says what was seen. Later tests go
on after a failed one, except those that `needs` a test that failed: they are skipped with a reason.
"""

import signal
import sys
import time
import traceback

TESTS = []
SHOWN_MAX = 1500  # characters of a value in a message
SLOW_S = 3  # longer ones say how long they took


class Failure(AssertionError):
    """A check that did not hold."""


class Skip(Exception):
    """The test can't be made here; the message says why."""


def test(name, needs=None):
    """Makes the function a test; `needs`: the function of a test that has to pass first."""
    def add(function):
        TESTS.append((name, function, needs))
        return function
    return add


def short(value):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + f"... ({len(text)} characters)"


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(short(part) for part in what) or "a check failed")


def same(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}: is {short(actual)}, expected {short(expected)}")


def diag(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def end_by_signal(signum, _frame):
    raise SystemExit(128 + signum)


def run(context_manager):
    """Runs all tests with what `context_manager` yields; the exit code is 1 if one failed."""
    # A test that is told to end must still stop its broker.
    signal.signal(signal.SIGTERM, end_by_signal)
    print(f"1..{len(TESTS)}", flush=True)
    failed = set()
    done = 0
    try:
        with context_manager as context:
            for number, (name, function, needs) in enumerate(TESTS, 1):
                done = number
                run_one(number, name, function, needs, context, failed)
    except Exception:
        diag(traceback.format_exc())
        for number in range(done + 1, len(TESTS) + 1):
            print(f"not ok {number} - {TESTS[number - 1][0]}: never begun", flush=True)
            failed.add(TESTS[number - 1][1])
    sys.exit(1 if failed else 0)


def run_one(number, name, function, needs, context, failed):
    if needs in failed:
        print(f"ok {number} - {name} # SKIP an earlier test that it builds on failed", flush=True)
        failed.add(function)
        return
    began = time.monotonic()
    try:
        function(context)
        if time.monotonic() - began > SLOW_S:
            diag(f"took {time.monotonic() - began:.1f} s")
        print(f"ok {number} - {name}", flush=True)
    except Skip as why:
        print(f"ok {number} - {name} # SKIP {why}", flush=True)
    except Failure as why:
        failed.add(function)
        diag(why)
        print(f"not ok {number} - {name}", flush=True)
    except Exception:
        failed.add(function)
        diag(traceback.format_exc())
        print(f"not ok {number} - {name}", flush=True)
