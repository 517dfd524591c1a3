"""Deletes what lies before an offset of a topic's first partition, as retention does:
trim_topic.py HOST:PORT TOPIC OFFSET."""
import sys

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

WAIT_S = 20


def main():
    address, topic, offset = sys.argv[1:]
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.delete_records([TopicPartition(topic, 0, int(offset))]).values():
        future.result(WAIT_S)


if __name__ == "__main__":
    main()
