#!/usr/bin/env python3
"""The bus in memory and the real Kafka give the same outputs: what the C tests prove on the one
holds on the other."""

import collections
import json
import os
import subprocess

from lib.avro import ROOT
from lib.program import MAP, world
from lib.orders import make_orders, write_csv
from lib.tap import check, diag, run, same, test

TOPICS = ("alerts", "scores", "forecasts", "forecast.accuracy", "accounts", "forecast.series")
COMPACTED = ("accounts", "forecast.series")
DUMP = os.path.join(ROOT, "build/tests/driver/test_line")


def grouped(pairs):
    """Per topic and key the sequence of values; of compacted topics the last one."""
    values = collections.defaultdict(list)
    for topic, key, value in pairs:
        if topic in COMPACTED:
            values[topic, key] = [value]
        else:
            values[topic, key].append(value)
    return dict(values)


def from_memory(csv):
    done = subprocess.run([DUMP, "dump", MAP, csv], capture_output=True, check=True, cwd=ROOT)
    for line in done.stdout.decode().splitlines():
        topic, key, value = line.split("\t", 2)
        if topic in TOPICS:
            yield topic, json.loads(key), json.loads(value)


def from_kafka(line, app):
    for topic in TOPICS:
        for text in line.call("tail", topic, app=app).out.splitlines():
            record = json.loads(text)
            yield topic, record["key"], record["value"]


@test("memory and Kafka say the same of the same orders")
def parity(line):
    csv = line.path("orders.csv")
    write_csv(csv, make_orders(60, 400, seed=11))
    line.create_topics("real")
    line.ingest(csv, "real")
    line.run_history("real", "--series.dimensions", "country")
    real, memory = grouped(from_kafka(line, "real")), grouped(from_memory(csv))
    same(sorted(real), sorted(memory), "topics and keys")
    for key, values in memory.items():
        same(real[key], values, f"values of {key}")
    diag(f"{sum(map(len, memory.values()))} values of {len(memory)} keys agree")
    check(any(topic == "alerts" for topic, _ in memory), "the orders raised no alert")


if __name__ == "__main__":
    run(world())
