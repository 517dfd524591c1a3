"""Deletes a topic and makes it again: remake_topic.py HOST:PORT TOPIC PARTITIONS."""
import sys
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

WAIT_S = 20


def wait(futures):
    for future in futures.values():
        future.result()


def main():
    address, topic, partitions = sys.argv[1:]
    admin = AdminClient({"bootstrap.servers": address})
    wait(admin.delete_topics([topic], operation_timeout=WAIT_S))
    until = time.monotonic() + WAIT_S
    while True:  # the name is free a moment later
        try:
            wait(admin.create_topics([NewTopic(topic, int(partitions), 1)]))
            return
        except KafkaException:
            if time.monotonic() > until:
                raise
            time.sleep(.1)


if __name__ == "__main__":
    main()
