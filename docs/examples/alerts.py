#!/usr/bin/env python3
"""Prints each new alert once: an example of a consumer that acts.

    pip install confluent-kafka fastavro
    python docs/examples/alerts.py BROKERS [APP_ID [REGISTRY_URL]]

Without a registry, the schemas are those of this checkout. FORETELL_HISTORIC=1 shows the alerts of
loaded histories, too (such as the demo's); STOP_AT_END=1 ends where the topic ends.
"""
import io
import json
import os
import pathlib
import struct
import sys
import urllib.request

import fastavro
from confluent_kafka import Consumer, KafkaError

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"


def load_schema(schema_id, registry_url):
    """The writer's schema of a value, by the id in front of it."""
    if registry_url:
        with urllib.request.urlopen(f"{registry_url}/schemas/ids/{schema_id}") as answer:
            return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    rows = json.loads((SCHEMAS / "registry.json").read_text())
    name = next(row["schema"] for row in rows if row["id"] == schema_id)
    return fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text()))


def decode(value, schemas, registry_url):
    magic, schema_id = struct.unpack(">bI", value[:5])
    assert magic == 0, "not in Confluent framing"
    if schema_id not in schemas:
        schemas[schema_id] = load_schema(schema_id, registry_url)
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schemas[schema_id])


def act(alert):
    reason = alert["reasons"][0]["text"] if alert["reasons"] else ""
    print(f'{alert["at_ms"]:%Y-%m-%d} {alert["status"]:8} {alert["severity"]:8} '
          f'{alert["account"]} {alert["probability"]:.2f} {reason}', flush=True)


def main(brokers, app_id="foretell", registry_url=None):
    consumer = Consumer({
        "bootstrap.servers": brokers,
        "group.id": "alerts-example",
        "isolation.level": "read_committed",  # never act on what was not committed
        "enable.auto.commit": False,          # an alert counts as read when it is acted on
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    })
    consumer.subscribe([f"{app_id}.alerts"])
    schemas, revisions, ended, partitions = {}, {}, set(), None
    while not (os.environ.get("STOP_AT_END") and partitions and len(ended) == partitions):
        message = consumer.poll(1.0)
        partitions = len(consumer.assignment())
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(str(message.error()))
            ended.add(message.partition())
            continue
        ended.discard(message.partition())
        alert = decode(message.value(), schemas, registry_url)
        # A repeat is told by its revision. To hold over a crash of this program, revisions
        # belong where the actions are kept (a database, a CRM), not into memory.
        if alert["revision"] > revisions.get(alert["alert_id"], -1):
            revisions[alert["alert_id"]] = alert["revision"]
            if os.environ.get("FORETELL_HISTORIC") or not alert["historic"]:
                act(alert)
        consumer.commit(message)
    consumer.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:4])
