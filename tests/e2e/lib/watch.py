"""Asking a running process over HTTP, and reading its metrics with a parser that isn't ours."""

import collections
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from lib.avro import ROOT
from lib.tap import Failure

WAIT_S_MAX = 40
SAMPLE = re.compile(r"^([a-z_:]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def ask(address, path, method="GET", data=None):
    """(status, text, headers)"""
    request = urllib.request.Request(f"http://{address}{path}", method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode(), answer.headers


def address_of(line, process):
    """Where the process says that it listens."""
    end = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < end:
        for text in line.log_of(process).splitlines():
            if '"serving ' in text:
                return json.loads(text)["address"]
        if process.poll() is not None:
            raise Failure(f"it ended: {line.log_of(process)[-1500:]}")
        time.sleep(0.05)
    raise Failure(f"it does not listen: {line.log_of(process)[-1500:]}")


def await_true(what, ask_it, seconds=WAIT_S_MAX):
    """Waits until ask_it() is true and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ask_it()
        if found:
            return found
        time.sleep(0.1)
    raise Failure(f"not within {seconds} s: {what}")


def await_ready(address):
    await_true("ready", lambda: ask(address, "/ready")[0] == 200)


def metrics(text):
    """{name: {frozenset of (label, value): number}}"""
    families = collections.defaultdict(dict)
    for row in text.splitlines():
        if not row or row.startswith("#"):
            continue
        name, labels, number = SAMPLE.match(row).groups()
        key = frozenset(LABEL.findall(labels or ""))
        if key in families[name]:
            raise Failure(f"twice: {row}")
        families[name][key] = float(number)
    return families


def value(families, name, **labels):
    return families[name][frozenset(labels.items())]


def promtool(*arguments, text=None):
    """(exit code, output) of promtool."""
    program = shutil.which("promtool") or os.path.join(ROOT, "deps/promtool/promtool")
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
