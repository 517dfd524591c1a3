#!/usr/bin/env python3
"""Positions that lie: what the group has committed, or what lies in the local store, is not of the
logs that are there. Each is found, at the start or while the line runs, and is refused with what to
do, or rebuilt from Kafka; nothing is reset silently."""

import os
import re
import shutil
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from confluent_kafka import Consumer, TopicPartition  # noqa: E402  (after the path)
from confluent_kafka.admin import NewPartitions  # noqa: E402

from chaos.stand import stand  # noqa: E402
from lib.tap import check, run, test  # noqa: E402

PIECE = 150
END_S_MAX = 40
FRESH = ("--kafka.topic.metadata.refresh.interval.ms", "500")


def settled(st, name, *more):
    """A line that has done a piece and was stopped in good order."""
    line = st.line(name, events=6 * PIECE)
    worker = line.start("w1", None, *more)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    line.stop()
    return line, worker


def committed(line, stage, topic, partition):
    consumer = Consumer({"bootstrap.servers": line.cluster.address,
                         "group.id": f"{line.name}.{stage}", "enable.auto.commit": False})
    found = consumer.committed([TopicPartition(topic, partition)], timeout=20)[0]
    consumer.close()
    # the client hands the text on without its end
    return found.offset, re.match(r"Y=\d+;v=\d+;i=[0-9a-f]{8};s=[0-9a-f]{8}", found.metadata)[0]


def commit(line, stage, topic, partition, offset, metadata):
    """What another program, or an older time, would have left."""
    end = time.monotonic() + END_S_MAX
    consumer = Consumer({"bootstrap.servers": line.cluster.address,
                         "group.id": f"{line.name}.{stage}", "enable.auto.commit": False})
    while True:  # static members stay in the group until their session ends
        try:
            consumer.commit(offsets=[TopicPartition(topic, partition, offset, metadata=metadata)],
                            asynchronous=False)
            break
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
    consumer.close()


def wait(futures):
    for future in futures.values():
        future.result(20)


def make_anew(line, topic):
    wait(line.cluster.admin.delete_topics([topic], operation_timeout=20))
    end = time.monotonic() + END_S_MAX
    while True:
        try:
            line.stand.cluster.create(topic, line.partitions,
                                      **{"message.timestamp.type": "LogAppendTime"})
            return
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def refused(worker, code, *words):
    """The process ends with exit code 1, says the code, and what to do."""
    ended = worker.finish(END_S_MAX)
    text = worker.text()
    check(ended == 1 and f'"code":"{code}"' in text, f"exit code {ended}: {worker.tail()}")
    for word in words:
        check(word in text, f"no {word!r} in {worker.tail()}")


def start_refused(line, worker, code, *words):
    worker.start(line.name)
    refused(worker, code, *words)


@test("the input was deleted and made anew while the line was stopped: INPUT_REPLACED")
def input_replaced(st):
    line, worker = settled(st, "anew")
    before = [committed(line, "resolve", line.input, p) for p in range(line.partitions)]
    make_anew(line, line.input)
    line.fed = 0
    line.feed(2 * PIECE)  # its log is longer than it was: offsets alone don't tell
    # Kafka deletes what is committed on a topic with the topic; where it was kept:
    for partition, (offset, metadata) in enumerate(before):
        commit(line, "resolve", line.input, partition, offset, metadata)
    start_refused(line, worker, "INPUT_REPLACED", line.input, "--from-beginning")


@test("the input is deleted and made anew while the line runs: it stops, and does not go on")
def input_replaced_running(st):
    line = st.line("anewrun", events=4 * PIECE)
    worker = line.start("w1", None, *FRESH)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    make_anew(line, line.input)
    line.fed = 0
    line.feed(2 * PIECE)
    code = worker.finish(END_S_MAX)
    check(code == 1 and any(name in worker.text() for name in (
        "INPUT_REPLACED", "BUS_TOPIC_MISSING", "BUS_OFFSET_GONE")), f"{code}: {worker.tail()}")
    worker.start(line.name)
    code = worker.finish(END_S_MAX)
    check(code == 1 and any(name in worker.text() for name in (
        "INPUT_REPLACED", "CHECKPOINT_GONE")), f"{code}: {worker.tail()}")


@test("a topic of states was deleted and made anew: STATES_REPLACED")
def states_replaced(st):
    line, worker = settled(st, "states")
    make_anew(line, "states.accounts")
    start_refused(line, worker, "STATES_REPLACED", "--from-beginning")


@test("what was committed lies beyond the log's end (records were lost): INPUT_TRUNCATED")
def truncated(st):
    line, worker = settled(st, "short")
    commit(line, "account", "short.account.events", 0, 1 << 20, f"Y={1 << 20};v=1")
    offset, metadata = committed(line, "account", "short.account.events", 1)
    commit(line, "account", "short.account.events", 0, 1 << 20,
           metadata.replace(f"Y={offset}", f"Y={1 << 20}"))
    start_refused(line, worker, "INPUT_TRUNCATED", "short.account.events", "--from-beginning")


@test("retention passed the position while the line was stopped: INPUT_GONE")
def input_gone(st):
    line, worker = settled(st, "gone")
    line.feed(PIECE)
    ends = line.cluster.ends(line.input, committed=False)
    wait(line.cluster.admin.delete_records(
        [TopicPartition(line.input, p, end) for p, end in ends.items()]))
    start_refused(line, worker, "INPUT_GONE", line.input, "--from-beginning", "retention.ms")


@test("retention passes the position while the line runs, but stands still: BUS_OFFSET_GONE")
def input_gone_running(st):
    line = st.line("passed", events=4 * PIECE)
    worker = line.start("w1")
    line.feed(PIECE)
    line.await_done(watch=[worker])
    worker.freeze()
    line.feed(PIECE)
    ends = line.cluster.ends(line.input, committed=False)
    wait(line.cluster.admin.delete_records(
        [TopicPartition(line.input, p, end) for p, end in ends.items()]))
    worker.thaw()
    refused(worker, "BUS_OFFSET_GONE", line.input, "--from-beginning")
    start_refused(line, worker, "INPUT_GONE")


@test("the committed positions are gone, the states are there: CHECKPOINT_GONE")
def checkpoint_gone(st):
    line, worker = settled(st, "lost")
    end = time.monotonic() + END_S_MAX
    while True:
        try:
            wait(line.cluster.admin.delete_consumer_groups(["lost.account"], request_timeout=20))
            break
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
    start_refused(line, worker, "CHECKPOINT_GONE", "--from-beginning")
    worker.wipe(line.name, identity_too=True)
    start_refused(line, worker, "CHECKPOINT_GONE", "--from-beginning")


@test("another program committed for the group: CHECKPOINT_FOREIGN")
def checkpoint_foreign(st):
    line, worker = settled(st, "foreign")
    commit(line, "account", "foreign.account.events", 0, 5, "by hand")
    start_refused(line, worker, "CHECKPOINT_FOREIGN", "by hand", "--app")


@test("another program wrote into a topic of states: STATE_FOREIGN, as soon as it is read")
def state_foreign(st):
    line, worker = settled(st, "mixed")
    line.cluster.produce("mixed.accounts", [(b"C1", b"\x00not a state", 0)])
    worker.wipe(line.name, identity_too=False)
    start_refused(line, worker, "STATE_FOREIGN", "mixed.accounts")


@test("another logic version: a newer one is LOGIC_NEWER; an unclean stop of an older one is "
      "LOGIC_CHANGED unless accepted; a clean one is taken over")
def logic(st):
    line, worker = settled(st, "logic")
    topic = "logic.account.events"
    x, metadata = committed(line, "account", topic, 0)
    version = metadata.split(";")[1]

    def committed_by(other, y):
        commit(line, "account", topic, 0, x,
               metadata.replace(version, f"v={other}").replace(f"Y={x}", f"Y={y}"))

    committed_by(999, x)
    start_refused(line, worker, "LOGIC_NEWER", "999")
    committed_by(0, x - 3)
    start_refused(line, worker, "LOGIC_CHANGED", "--accept-logic-change")
    worker.start(line.name, "--accept-logic-change")
    line.await_assigned(worker)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    line.stop()
    x, metadata = committed(line, "account", topic, 0)
    committed_by(0, x)
    worker.start(line.name)
    line.await_assigned(worker, count=7)
    check("another logic version made it" in worker.text(), worker.tail())
    line.feed(PIECE)
    line.await_done(watch=[worker])
    line.stop()


@test("the input has got a partition more: PARTITIONS_DIFFER, at the start and while it runs")
def partitions(st):
    line = st.line("more", events=4 * PIECE)
    worker = line.start("w1", None, *FRESH)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    wait(line.cluster.admin.create_partitions([NewPartitions(line.input, line.partitions + 1)]))
    refused(worker, "PARTITIONS_DIFFER", line.input, "for life")
    worker.start(line.name)
    check(worker.finish(END_S_MAX) == 1 and "inputs have 3" in worker.text(), worker.tail())


@test("an old copy of the store: it catches up from its own position, or is read anew")
def stale(st):
    line, worker = settled(st, "stale")
    copy = worker.state + ".copy"
    shutil.copytree(worker.store(line.name), copy)
    worker.start(line.name)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    line.stop()
    worker.wipe(line.name, identity_too=False)
    shutil.move(copy, worker.store(line.name))
    worker.start(line.name)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    line.stop()
    st.stale = line, worker


def spoil(folder):
    """Bytes in the middle of every table file are turned over."""
    count = 0
    for name in os.listdir(folder):
        if name.endswith(".sst"):
            path = os.path.join(folder, name)
            with open(path, "r+b") as file:
                size = os.path.getsize(path)
                for at in range(0, size, 64):
                    file.seek(at)
                    byte = file.read(1)
                    file.seek(at)
                    file.write(bytes([byte[0] ^ 0xff]))
            count += 1
    return count


@test("a damaged store is noticed, and rebuilt from Kafka; equal to a clean pass", needs=stale)
def corrupt(st):
    line, worker = st.stale
    check(spoil(worker.store(line.name)) > 0, "no table files")
    worker.start(line.name)
    line.feed(PIECE)
    line.await_done(watch=[worker])
    text = worker.text()
    check("damaged" in text and "states restored from their topics" in text, worker.tail())
    line.check_equal()


@test("the store of another cluster, where the same application runs: not used, read anew")
def other_cluster(st):
    line, worker = settled(st, "twin")
    with stand() as other:
        twin, there = settled(other, "twin")
        there.wipe(twin.name, identity_too=False)
        shutil.copytree(worker.store(line.name), there.store(twin.name))
        there.start(twin.name)
        twin.feed(PIECE)
        twin.await_done(watch=[there])
        check("another Kafka cluster" in there.text(), there.tail())
        twin.stop()


if __name__ == "__main__":
    run(stand())
