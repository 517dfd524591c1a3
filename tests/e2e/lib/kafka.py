"""A broker of the test's own (tools/kafka), and an independent client for it (confluent-kafka)."""

import collections
import functools
import os
import subprocess
import time
import uuid

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   OffsetSpec)

from lib.avro import ROOT, decode

READ_S_MAX = 60
BEGIN = 0

Record = collections.namedtuple("Record", "partition offset key value headers timestamp_ms")


def decoded(records):
    """The records with their values decoded."""
    return [record._replace(value=decode(record.value)) for record in records]


class Broker:
    """A context: a Kafka in `folder`, stopped when the test ends, however it ends."""

    ASK_S = 20  # for an answer

    def __init__(self, folder):
        self.folder = os.path.join(folder, "kafka")
        self.address = None
        self.environment = None  # of tools/kafka; None: this process's

    def tool(self, *arguments):
        result = subprocess.run([os.path.join(ROOT, "tools/kafka"), *arguments],
                                capture_output=True, text=True, check=False,
                                env=self.environment)
        if result.returncode != 0:
            raise RuntimeError(f"tools/kafka {' '.join(arguments)}: {result.stderr}")
        return result.stdout.strip()

    def __enter__(self):
        self.address = self.tool("start", "--while", str(os.getpid()), self.folder, "0")
        return self

    def __exit__(self, *_):
        self.tool("stop", self.folder)

    @functools.cached_property
    def admin(self):
        """One for the whole test: the answers of a client that is gone never come."""
        return AdminClient({"bootstrap.servers": self.address})

    def partitions(self, topic):
        metadata = self.admin.list_topics(topic, timeout=self.ASK_S).topics[topic]
        if metadata.error is not None:
            raise RuntimeError(f"{topic}: {metadata.error}")
        return sorted(metadata.partitions)

    def alter(self, topic, name, value):
        """One of the topic's settings."""
        asked = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)])
        for future in self.admin.incremental_alter_configs([asked]).values():
            future.result(20)

    def ends(self, topic, committed):
        """{partition: end}: the last stable offset if `committed`, else the log's end."""
        level = (confluent_kafka.IsolationLevel.READ_COMMITTED if committed
                 else confluent_kafka.IsolationLevel.READ_UNCOMMITTED)
        asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in self.partitions(topic)}
        answers = self.admin.list_offsets(asked, isolation_level=level,
                                          request_timeout=self.ASK_S)
        return {tp.partition: future.result(30).offset for tp, future in answers.items()}

    def read(self, topic, isolation="read_committed"):
        """All records up to the end, in order within each partition."""
        consumer = Consumer({
            "bootstrap.servers": self.address, "group.id": f"test-{uuid.uuid4()}",
            "isolation.level": isolation, "enable.auto.commit": False,
            "auto.offset.reset": "error", "enable.partition.eof": True,
            "fetch.message.max.bytes": 4 * 1024 * 1024, "fetch.wait.max.ms": 20,
        })
        partitions = self.partitions(topic)
        consumer.assign([TopicPartition(topic, p, BEGIN) for p in partitions])
        records, open_partitions = [], set(partitions)
        end = time.monotonic() + READ_S_MAX
        try:
            while open_partitions:
                if time.monotonic() > end:
                    raise TimeoutError(f"{topic}: no end of {sorted(open_partitions)} in sight")
                for message in consumer.consume(5000, 0.2):
                    if message.error() is None:
                        records.append(Record(
                            message.partition(), message.offset(), message.key(), message.value(),
                            {k: v for k, v in message.headers() or []}, message.timestamp()[1]))
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        open_partitions.discard(message.partition())
                    else:
                        raise RuntimeError(f"{topic}: {message.error()}")
        finally:
            consumer.close()
        return records

    def values(self, topic):
        """All values, decoded."""
        return [record.value for record in decoded(self.read(topic))]

    def latest(self, topic):
        """{key: decoded record} of a compacted topic; deleted keys are absent."""
        latest = {}
        for record in decoded(self.read(topic)):
            if record.value is None:
                latest.pop(record.key, None)
            else:
                latest[record.key] = record
        return latest

    def produce(self, topic, records):
        """Writes [(key, value)] or [(key, value, partition)]; returns [(partition, offset)]."""
        producer = Producer({"bootstrap.servers": self.address, "acks": "all", "linger.ms": 5,
                             "enable.idempotence": True, "partitioner": "murmur2_random",
                             "message.max.bytes": 4 * 1024 * 1024})
        places = [None] * len(records)

        def delivered(index):
            def note(error, message):
                if error is not None:
                    raise RuntimeError(f"{topic}: {error}")
                places[index] = (message.partition(), message.offset())
            return note

        for index, record in enumerate(records):
            more = {"partition": record[2]} if len(record) > 2 else {}
            producer.produce(topic, value=record[1], key=record[0], on_delivery=delivered(index),
                             **more)
            producer.poll(0)
        if producer.flush(30) != 0 or None in places:
            raise RuntimeError(f"{topic}: not everything was taken")
        return places
