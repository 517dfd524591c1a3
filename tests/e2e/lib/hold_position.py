"""Commits a group's position within a transaction, and says "r" while it is still open:
hold_position.py HOST:PORT GROUP TOPIC OFFSET METADATA."""
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

WAIT_S, HELD_S = 20, 1


def main():
    address, group, topic, offset, metadata = sys.argv[1:]
    member = Consumer({"bootstrap.servers": address, "group.id": group})
    producer = Producer({"bootstrap.servers": address, "transactional.id": f"holds {group}"})
    producer.init_transactions(WAIT_S)
    producer.begin_transaction()
    producer.send_offsets_to_transaction(
        [TopicPartition(topic, 0, int(offset), metadata=metadata)],
        member.consumer_group_metadata(), WAIT_S)
    print("r", end="", flush=True)
    time.sleep(HELD_S)
    producer.commit_transaction(WAIT_S)


if __name__ == "__main__":
    main()
