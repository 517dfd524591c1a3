"""Orders that go on coming while the line runs, the same for the same seed."""

import functools
import threading
import time

from confluent_kafka import KafkaError, Producer

from lib import orders
from lib.avro import encode

DAY_MS = orders.DAY_MS
ORDERS_MEAN = 18
TOPIC = "erp.events"
SLICE_S = 0.05
TAKEN_S_MAX = 1200
PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
# Late amounts are of series of their own: what a forecast knows of them when it is made depends on
# how the partitions that write the series were interleaved.
LATE_EVERY, LATE_MS, LATE_CURRENCY = 61, 40 * DAY_MS, "CHF"
OVERSIZE_EVERY, OVERSIZE = 2003, b"oversize" * 125025
POISON = b"\x00poison"


def event(row, serial, name="o", currency="EUR"):
    return encode("erp_event", {
        "event_id": f"{name}{serial}", "source": "shop",
        "type": "erp.order" if row.amount_minor >= 0 else "erp.return", "subject": row.customer,
        "event_ms": row.time_ms, "trace_id": None, "amount_minor": row.amount_minor,
        "currency": currency, "quantity": row.quantity, "attrs": {"country": row.country}})


def end_of_input(at_ms):
    return encode("control", {"kind": "END", "writer": "load", "at_ms": at_ms, "ingest_ms": 0,
                              "inputs": []})


def is_poison(value):
    return value == OVERSIZE or value.startswith(POISON)


class Load(threading.Thread):
    """Writes all of `rows` within about `seconds`, spread evenly; poison, late and oversized
    records among them.

    A client may forget its brokers for good: tools/setup mends librdkafka's issue 5301 in
    foretell's copy, but not in this one. So where no answer comes for SILENT_S, a new producer
    takes the place, and sends again what was not acknowledged. An event may lie in the topic
    twice then, under one id: the line has to take it once, like any sender's that sends again."""

    SILENT_S = 30
    SETTINGS = {
        "acks": "all", "enable.idempotence": True, "linger.ms": 5,
        "partitioner": "murmur2_random", "message.timeout.ms": TAKEN_S_MAX * 1000,
        "message.max.bytes": 2 << 20, "log_level": 0}

    def __init__(self, address, rows, seconds, poison_every=0, first_serial=0, topic=TOPIC):
        super().__init__(daemon=True)
        self.address, self.rows, self.seconds, self.topic = address, rows, seconds, topic
        self.poison_every, self.first_serial = poison_every, first_serial
        self.event_ids, self.poison_count = [], 0
        self.sent_count, self.taken_count = 0, 0  # taken: by the brokers
        self.again_count = 0
        self.waiting = {}  # number: (key, value), of what is not acknowledged, in order
        self.heard_s = time.monotonic()
        self.failed = None

    def run(self):
        try:
            self.write()
        except Exception as error:  # shown by whoever joins
            self.failed = error

    def new_producer(self):
        return Producer({"bootstrap.servers": self.address, **self.SETTINGS})

    def write(self):
        self.producer = self.new_producer()
        began, done = time.monotonic(), 0
        while done < len(self.rows):
            share = (time.monotonic() - began) / self.seconds if self.seconds else 1
            due = min(len(self.rows), int(len(self.rows) * share) + 1)
            for index in range(done, due):
                self.write_one(index)
                if index % 200 == 0:
                    self.turn()
            done = due
            self.turn()
            if done < len(self.rows):
                time.sleep(SLICE_S)
        self.await_taken()

    def await_taken(self):
        end = time.monotonic() + TAKEN_S_MAX
        while self.waiting:
            if time.monotonic() > end:
                raise RuntimeError(f"{len(self.waiting)} records were not taken")
            self.turn(SLICE_S)
        if self.failed is not None:
            raise self.failed

    def turn(self, wait_s=0):
        self.producer.poll(wait_s)
        if not self.waiting:
            self.heard_s = time.monotonic()
        elif time.monotonic() - self.heard_s > self.SILENT_S:
            self.begin_anew()

    def begin_anew(self):
        """Nothing stays behind in the old producer that it might send later."""
        self.producer.purge()
        self.producer = self.new_producer()
        self.heard_s = time.monotonic()
        self.again_count += len(self.waiting)
        for number in self.waiting:
            self.produce(number)

    def send(self, key, value):
        self.waiting[self.sent_count] = key, value
        self.produce(self.sent_count)
        self.sent_count += 1

    def produce(self, number):
        key, value = self.waiting[number]
        self.producer.produce(self.topic, value=value, key=key,
                              on_delivery=functools.partial(self.delivered, number))

    def delivered(self, number, error, message):
        if error is None:
            self.heard_s = time.monotonic()
            self.taken_count += self.waiting.pop(number, None) is not None
        elif error.code() not in PURGED:
            self.failed = RuntimeError(f"{message.topic()}: {error}")
            self.waiting.pop(number, None)

    def write_one(self, index):
        row, serial = self.rows[index], self.first_serial + index
        key = row.customer.encode()
        self.event_ids.append(f"o{serial}")
        self.send(key, event(row, serial))
        if self.poison_every == 0:
            return
        if index % self.poison_every == self.poison_every - 1:
            self.poison_count += 1
            self.send(key, POISON + key)
        if index % LATE_EVERY == LATE_EVERY - 1:  # behind its partition's clock
            self.event_ids.append(f"late{serial}")
            late = row._replace(time_ms=max(orders.BEGIN_MS, row.time_ms - LATE_MS))
            self.send(key, event(late, serial, "late", LATE_CURRENCY))
        if index % OVERSIZE_EVERY == OVERSIZE_EVERY - 1:
            self.poison_count += 1
            self.send(key, OVERSIZE)


def make_rows(event_count, day_count, seed):
    """About event_count orders, in order of time."""
    customers = max(50, int(event_count / ORDERS_MEAN * 1.35))
    rows = orders.make_orders(customers, day_count, seed, ORDERS_MEAN)
    return rows[:event_count] if len(rows) > event_count else rows
