"""Reading and writing values by the schema texts, with fastavro: nothing of foretell's own code."""

import io
import json
import os
import struct

import fastavro

ROOT = os.environ.get("TEST_ROOT") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "../../.."))
FRAME_LEN = 5  # 0x00 and the schema id, big-endian


def without_logical_types(schema):
    """Times as the whole numbers that they are: exact, and comparable."""
    if isinstance(schema, dict):
        return {name: without_logical_types(part) for name, part in schema.items()
                if name != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(part) for part in schema]
    return schema


def load_schemas():
    with open(os.path.join(ROOT, "schemas/registry.json"), encoding="utf-8") as file:
        rows = json.load(file)
    by_id, ids, full = {}, {}, {}
    for row in rows:
        with open(os.path.join(ROOT, "schemas", row["schema"] + ".avsc"), encoding="utf-8") as file:
            schema = json.load(file)
        by_id[row["id"]] = (row["schema"], fastavro.parse_schema(without_logical_types(schema)))
        full[row["id"]] = fastavro.parse_schema(schema)
        ids[row["schema"]] = row["id"]
    return by_id, ids, full


BY_ID, IDS, WITH_LOGICAL_TYPES = load_schemas()


class Value(dict):
    """A decoded record that knows its schema's name."""
    schema = None


def decode(data):
    """The framed value as a Value; None for a null value. Every byte must be used."""
    if data is None:
        return None
    magic, schema_id = struct.unpack(">bI", data[:FRAME_LEN])
    if magic != 0 or schema_id not in BY_ID:
        raise ValueError(f"no frame: {data[:16]!r}")
    name, schema = BY_ID[schema_id]
    stream = io.BytesIO(data[FRAME_LEN:])
    value = Value(fastavro.schemaless_reader(stream, schema))
    value.schema = name
    if stream.read(1):
        raise ValueError(f"{name}: bytes after the value")
    return value


def schema_of(data):
    """The name of a framed value's schema."""
    return BY_ID[struct.unpack(">bI", data[:FRAME_LEN])[1]][0]


def decode_with_logical_types(data):
    """As any consumer's library does it: timestamps become datetimes."""
    _, schema_id = struct.unpack(">bI", data[:FRAME_LEN])
    return fastavro.schemaless_reader(io.BytesIO(data[FRAME_LEN:]), WITH_LOGICAL_TYPES[schema_id])


def latest_of_names(records):
    """Of all records of identity.meta: {(kind, key): value}, of names and entries of queues."""
    latest = {}
    for record in records:
        kind, key = record.key.split(b"/", 2)[1:] if record.key.count(b"/") > 1 else (b"", b"")
        if kind in (b"name", b"waiting"):
            latest[kind, key] = record.value
            if record.value is None:
                del latest[kind, key]
    return latest


def waiting_in(state):
    """The records that wait in a name's state, or begin in an entry of its queue."""
    whole = [held["bytes"] for held in state.get("held", state.get("records"))]
    return whole or ([state["bytes"]] if state.get("part") == 0 else [])


def names_and_waiting(records):
    """Of all records of identity.meta: {name: its state}, and how many events wait."""
    latest = {key: decode(value) for key, value in latest_of_names(records).items()}
    waiting = sum(schema_of(record) == "account_event"
                  for state in latest.values() for record in waiting_in(state))
    return {key: state for (kind, key), state in latest.items() if kind == b"name"}, waiting


def frame(schema_id, body):
    return struct.pack(">bI", 0, schema_id) + body


def encode(schema_name, record):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, BY_ID[IDS[schema_name]][1], record)
    return frame(IDS[schema_name], stream.getvalue())
