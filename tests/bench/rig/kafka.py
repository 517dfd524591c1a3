"""The broker of a bench, its topics, and what a group has committed."""

import os
import subprocess
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from rig.places import ROOT

PARTITIONS = 4
TOOL = os.path.join(ROOT, "tools/kafka")
CALL_S_MAX = 30

# Kafka's default. `tools/kafka` takes the least, with which a cleaner that meets ten million keys
# writes a topic of states anew for each 600,000 of them, beside the engine that is measured.
CLEANER = "log.cleaner.dedupe.buffer.size=134217728\n"


class Broker:
    """A context: a Kafka of the bench's own in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.address = None
        self.admin = None

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "more.properties"), "w", encoding="ascii") as f:
            f.write(CLEANER)
        env = dict(os.environ, KAFKA_JAVA_OPTS="-Xms1g -Xmx1g")
        self.address = subprocess.run(
            [TOOL, "start", "--while", str(os.getpid()), self.folder, "0"], env=env, check=True,
            stdout=subprocess.PIPE, text=True).stdout.strip()
        # Quiet: the broker goes before it does.
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 2})
        return self

    def __exit__(self, *_):
        subprocess.run([TOOL, "stop", self.folder], check=False)

    @property
    def pid(self):
        with open(os.path.join(self.folder, "kafka.pid"), encoding="ascii") as f:
            return int(f.read())

    def topics(self):
        return set(self.admin.list_topics(timeout=CALL_S_MAX).topics)

    def create(self, *names, compacted=()):
        """Makes topics; `compacted` are those of `names` that keep the last value of a key."""
        new = [NewTopic(name, PARTITIONS, 1, config={
            "cleanup.policy": "compact" if name in compacted else "delete",
            "file.delete.delay.ms": "1000"}) for name in names]
        for future in self.admin.create_topics(new).values():
            try:
                future.result(CALL_S_MAX)
            except KafkaException as e:
                if e.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        # What the controller has made, the broker knows a little later.
        while not set(names) <= self.topics():
            time.sleep(0.05)

    def delete(self, prefix):
        """Removes the topics whose names begin so, and waits until they are gone."""
        names = [t for t in self.topics() if t.startswith(prefix)]
        if names:
            for future in self.admin.delete_topics(names).values():
                future.result(CALL_S_MAX)

    def ends(self, topic):
        """{partition: offset after the last record}"""
        asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(PARTITIONS)}
        answers = self.admin.list_offsets(asked, request_timeout=CALL_S_MAX)
        return {tp.partition: f.result(CALL_S_MAX).offset for tp, f in answers.items()}

    def count(self, topic):
        return sum(self.ends(topic).values()) if topic in self.topics() else 0


class Group:
    """Asks what a group has committed on a topic, without joining it."""

    def __init__(self, broker, group, topic):
        # Not waiting for open transactions: the last committed offset is what is asked for.
        self.consumer = Consumer({
            "bootstrap.servers": broker.address, "group.id": group,
            "isolation.level": "read_uncommitted", "enable.auto.commit": False})
        self.partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()

    def committed(self):
        """{partition: offset}; 0 where nothing is."""
        end = time.monotonic() + CALL_S_MAX
        while True:
            try:
                answers = self.consumer.committed(self.partitions, timeout=5)
                return {tp.partition: max(0, tp.offset) for tp in answers}
            except KafkaException:  # a coordinator that is not there yet, mostly
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def total(self):
        return sum(self.committed().values())
