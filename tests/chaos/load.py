"""Orders that go on coming while the line runs, the same for the same seed."""

import threading
import time

from confluent_kafka import Producer

from lib import orders
from lib.avro import encode

DAY_MS = orders.DAY_MS
ORDERS_MEAN = 18
TOPIC = "erp.events"
SLICE_S = 0.05
TAKEN_S_MAX = 1200
# Late amounts are of series of their own: what a forecast knows of them when it is made depends on
# how the partitions that write the series were interleaved.
LATE_EVERY, LATE_MS, LATE_CURRENCY = 61, 40 * DAY_MS, "CHF"
OVERSIZE_EVERY, OVERSIZE_BYTES = 2003, 1000200


def event(row, serial, name="o", currency="EUR"):
    return encode("erp_event", {
        "event_id": f"{name}{serial}", "source": "shop",
        "type": "erp.order" if row.amount_minor >= 0 else "erp.return", "subject": row.customer,
        "event_ms": row.time_ms, "trace_id": None, "amount_minor": row.amount_minor,
        "currency": currency, "quantity": row.quantity, "attrs": {"country": row.country}})


def end_of_input(at_ms):
    return encode("control", {"kind": "END", "writer": "load", "at_ms": at_ms, "ingest_ms": 0,
                              "inputs": []})


class Load(threading.Thread):
    """Writes all of `rows` within about `seconds`, spread evenly; poison, late and oversized
    records among them."""

    def __init__(self, address, rows, seconds, poison_every=0, first_serial=0):
        super().__init__(daemon=True)
        self.address, self.rows, self.seconds = address, rows, seconds
        self.poison_every, self.first_serial = poison_every, first_serial
        self.event_ids, self.poison_count = [], 0
        self.taken_count = 0  # by the brokers
        self.failed = None

    def run(self):
        try:
            self.write()
        except Exception as error:  # shown by whoever joins
            self.failed = error

    def write(self):
        producer = Producer({
            "bootstrap.servers": self.address, "acks": "all", "enable.idempotence": True,
            "linger.ms": 5, "partitioner": "murmur2_random",
            "message.timeout.ms": TAKEN_S_MAX * 1000,
            "message.max.bytes": 2 << 20, "log_level": 0})

        def delivered(error, message):
            self.taken_count += 1
            if error is not None:
                self.failed = RuntimeError(f"{message.topic()}: {error}")

        began, done = time.monotonic(), 0
        while done < len(self.rows):
            share = (time.monotonic() - began) / self.seconds if self.seconds else 1
            due = min(len(self.rows), int(len(self.rows) * share) + 1)
            for index in range(done, due):
                self.write_one(producer, index, delivered)
                if index % 200 == 0:
                    producer.poll(0)
            done = due
            producer.poll(0)
            if done < len(self.rows):
                time.sleep(SLICE_S)
        if producer.flush(TAKEN_S_MAX + 60) != 0:
            raise RuntimeError(f"{len(producer)} events were not taken")

    def write_one(self, producer, index, delivered):
        row, serial = self.rows[index], self.first_serial + index
        key = row.customer.encode()
        self.event_ids.append(f"o{serial}")
        producer.produce(TOPIC, value=event(row, serial), key=key, on_delivery=delivered)
        if self.poison_every == 0:
            return
        if index % self.poison_every == self.poison_every - 1:
            self.poison_count += 1
            producer.produce(TOPIC, value=b"\x00poison" + key, key=key, on_delivery=delivered)
        if index % LATE_EVERY == LATE_EVERY - 1:  # behind its partition's clock
            self.event_ids.append(f"late{serial}")
            late = row._replace(time_ms=max(orders.BEGIN_MS, row.time_ms - LATE_MS))
            producer.produce(TOPIC, value=event(late, serial, "late", LATE_CURRENCY), key=key,
                             on_delivery=delivered)
        if index % OVERSIZE_EVERY == OVERSIZE_EVERY - 1:
            self.poison_count += 1
            producer.produce(TOPIC, value=b"oversize" * (OVERSIZE_BYTES // 8), key=key,
                             on_delivery=delivered)


def make_rows(event_count, day_count, seed):
    """About event_count orders, in order of time."""
    customers = max(50, int(event_count / ORDERS_MEAN * 1.35))
    rows = orders.make_orders(customers, day_count, seed, ORDERS_MEAN)
    return rows[:event_count] if len(rows) > event_count else rows
