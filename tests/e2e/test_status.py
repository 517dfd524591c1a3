#!/usr/bin/env python3
"""foretell status: positions from Kafka alone, and what a process tells, in good and bad times."""

import json
import os
import shlex
import signal
import subprocess
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from lib.avro import ROOT, encode
from lib.orders import make_orders, write_csv
from lib.program import HISTORY, PARTITIONS, world
from lib.tap import check, run, same, test
from lib.watch import address_of, ask, await_ready, await_true

APP = "seen"


def status(line, *more, code=0, app=APP):
    result = line.call("status", "--json", "--inputs", "erp.events", *more, app=app, code=code)
    return json.loads(result.out), result


def stage_of(shown, name):
    return next(s for s in shown["stages"] if s["stage"] == name)


@test("no topics: exit code 1, and the command that makes them")
def nothing(line):
    result = line.call("status", "--inputs", "erp.events", app=APP, code=1)
    check("foretell topics create" in result.err, result)


@test("not begun: no positions, everything is lag", needs=nothing)
def not_begun(line):
    rows = make_orders(200, 200, 5)
    line.create_topics(APP)
    line.ingest(write_csv(line.path("orders.csv"), rows), APP)
    shown, _ = status(line)
    resolve = stage_of(shown, "resolve")
    same((shown["app"], shown["process"]), (APP, None), "app, process")
    same(len(resolve["partitions"]), PARTITIONS, "partitions")
    check(all("x" not in p and "broken" not in p for p in resolve["partitions"]), resolve)
    # the rows, the end of each partition, and the marker of the transaction that brought them
    lag = len(rows) + 2 * PARTITIONS
    same(resolve["lag"], lag, "lag: rows, ends, markers")
    text = line.call("status", "--inputs", "erp.events", app=APP).out
    check("members 0" in text and f"lag {lag}" in text, text)


def linked_by_nobody(line, topic):
    """40 weeks of orders by a customer number, and the end of each partition."""
    begin_ms, week_ms = 1672617600000, 7 * 86400000
    line.broker.produce(topic, [(f"c{i % 8}".encode(), encode("erp_event", {
        "event_id": f"o{i}", "source": "shop", "type": "erp.order", "subject_scheme":
        "erp.customer", "subject": f"c{i % 8}", "event_ms": begin_ms + i // 8 * week_ms,
        "trace_id": None, "amount_minor": 900, "currency": "EUR", "quantity": 1, "attrs": {}}))
        for i in range(320)])
    end = encode("control", {"kind": "END", "writer": "test", "at_ms": begin_ms + 41 * week_ms,
                             "ingest_ms": 0, "inputs": []})
    line.broker.produce(topic, [(b"end", end, p) for p in range(PARTITIONS)])


@test("a history that brings nothing: which inputs hold time back and what waits for it; why no "
      "forecast was made", needs=not_begun)
def nothing_comes(line):
    app, full, empty = "still", "still.erp.events", "still.crm.events"
    inputs = ("--inputs", f"{full},{empty}")
    line.call("topics", "create", *inputs, app=app)
    linked_by_nobody(line, full)
    words = f"{empty} ({PARTITIONS} of {PARTITIONS} partitions): with clock=data"
    said = line.run_history(app, *inputs).out
    check(words in said and "320 events wait for their account" in said, said)
    check(f"{full} (" not in said and "no forecast" not in said, said)
    check(words in line.call("status", *inputs, app=app).out, "status")
    said = line.run_history(app, "--inputs", full).out
    check("partitions)" not in said and "no forecast has been made" in said
          and "identity.accounts" in said, said)
    said = line.call("forecast", app=app, code=1).err
    check("holds no forecast yet" in said, said)


@test("while it runs: the same positions as Kafka's, who owns them, and the process's own figures",
      needs=not_begun)
def running(line):
    line.process = line.start("run", *HISTORY, "--http.listen", "127.0.0.1:0", "--instance", "w1",
                              app=APP)
    line.address = address_of(line, line.process)
    await_ready(line.address)

    def done():
        shown, _ = status(line, "--http.listen", line.address)
        # up to two markers of transactions after the last record
        rests = all(p.get("x") == p.get("y") and p["lag"] <= 2
                    for s in shown["stages"] for p in s["partitions"])
        return shown if rests else None
    shown = await_true("all is processed and published", done)
    for stage in shown["stages"]:
        same((stage["state"], stage["members"]), ("Stable", 1), stage["stage"])
        for place in stage["partitions"]:
            same(place["owner"], "w1", "owner")
            check(place["low"] == 0 and place["logic_version"] >= 1, place)
    consumer = Consumer({"bootstrap.servers": line.broker.address, "group.id": f"{APP}.account"})
    for tp in consumer.committed([TopicPartition(f"{APP}.account.events", p)
                                  for p in range(PARTITIONS)], timeout=20):
        place = stage_of(shown, "account")["partitions"][tp.partition]
        same(place["x"], tp.offset, f"X of partition {tp.partition}")
    consumer.close()
    process = shown["process"]
    same((process["app"], process["instance"], process["healthy"], process["ready"]),
         (APP, "w1", True, True), "the process")
    same([s["stage"] for s in process["stages"]],
         ["resolve", "identify", "account", "forecast", "levels", "gather", "learn"], "stages")
    for stage in process["stages"]:
        check(stage["counters"]["commits"] > 0, stage)
        # orders alone teach nothing
        check(stage["cache"]["entries"] > 0 or
              stage["stage"] in ("levels", "gather", "learn"), stage)
        same(stage["aborts"], {}, "aborts")
    text = line.call("status", "--inputs", "erp.events", "--http.listen", line.address,
                     app=APP).out
    for words in ("process w1", "healthy, ready", "checkpoint age at most", "cache:", "store:"):
        check(words in text, words, text)


@test("a worker that is stopped for longer than its session says that its partitions are lost",
      needs=running)
def zombie(line):
    line.process.terminate()
    line.finish(line.process)
    line.process = line.start("run", *HISTORY, "--http.listen", "127.0.0.1:0", "--instance", "w1",
                              "--kafka.session.timeout.ms", "2000",
                              "--kafka.heartbeat.interval.ms", "500", app=APP)
    line.address = address_of(line, line.process)
    await_ready(line.address)
    line.process.send_signal(signal.SIGSTOP)
    try:
        await_true("the group has given it up", lambda: stage_of(
            status(line)[0], "account")["members"] == 0)
    finally:
        line.process.send_signal(signal.SIGCONT)

    def told():
        stages = json.loads(ask(line.address, "/status")[1])["stages"]
        metrics = ask(line.address, "/metrics")[1]
        lost = sum(float(row.split()[-1]) for row in metrics.splitlines()
                   if row.startswith("foretell_rebalances_total") and 'kind="lost"' in row)
        return lost >= 1 and all(s["ready"] for s in stages)
    await_true("its partitions were lost, and it is back", told)
    rows = [json.loads(t) for t in line.log_of(line.process).splitlines()
            if '"partition lost"' in t]
    check(rows and all({"topic", "partition", "offset", "x", "y"} <= set(r) for r in rows), rows)


@test("a process that isn't there is said: exit code 4", needs=running)
def absent(line):
    line.process.terminate()
    same(line.finish(line.process), 0, "exit code")
    shown, _ = status(line, "--http.listen", line.address, code=4)
    check(shown["process"] is None and line.address in shown["process_error"], shown)
    # a member with a name stays in its group until its session ends
    await_true("nobody is left", lambda: all(
        s["state"] == "Empty" for s in status(line)[0]["stages"]))
    text = line.call("status", "--inputs", "erp.events", "--http.listen", line.address,
                     app=APP, code=4).out
    check("no answer" in text, text)


def transactions(line, command):
    """kafka-transactions.sh as `command` says, with the jars of the test's broker."""
    program, *arguments = shlex.split(command)
    same(program, "kafka-transactions.sh", "the program")
    return subprocess.run(
        ["java", "-cp", os.path.join(ROOT, "deps/kafka/lib/*"),
         "org.apache.kafka.tools.TransactionsCommand", *arguments],
        capture_output=True, text=True, timeout=60, check=True)


@test("a transaction that nobody ends hides what comes behind it: status says whose, since when, "
      "and the command that ends it, which does", needs=absent)
def held(line):
    held_topics = ("erp.events", f"{APP}.alerts", "__consumer_offsets")
    member = Consumer({"bootstrap.servers": line.broker.address, "group.id": f"{APP}.account"})
    for topic in held_topics:
        producer = Producer({"bootstrap.servers": line.broker.address,
                             "transactional.id": f"forgotten {topic}",
                             "transaction.timeout.ms": 600000})
        producer.init_transactions(20)
        producer.begin_transaction()
        if topic == "__consumer_offsets":
            producer.send_offsets_to_transaction(
                [TopicPartition("erp.events", 0, 1)], member.consumer_group_metadata(), 20)
            continue
        producer.produce(topic, b"hides the rest", partition=1)
        producer.flush(20)
    opened_ms = time.time() * 1000
    line.broker.produce("erp.events", [(b"x", b"behind", 1)])
    same(status(line)[0]["held_back"], [], "young ones are everyday")
    shown = await_true("all are shown", lambda: (
        lambda found: found if len(found) == 3 else None)(status(line)[0]["held_back"]))
    same([(h["topic"], h["own"]) for h in shown],
         list(zip(held_topics, (False, True, False))), "whose")
    check(all(abs(h["since_ms"] - opened_ms) < 3000 for h in shown), shown, opened_ms)
    same(shown[0]["offset"], line.broker.ends("erp.events", committed=True)[1], "where")
    text = line.call("status", "--inputs", "erp.events", app=APP).out
    for hold in shown:
        check("{topic} [{partition}]: nobody reads beyond offset {offset} of {end}".format(**hold)
              in text and hold["abort"] in text, text)
    for hold in shown:
        transactions(line, hold["abort"])
    same(status(line)[0]["held_back"], [], "ended")
    same(line.broker.ends("erp.events", committed=True),
         line.broker.ends("erp.events", committed=False), "everything can be read")


@test("retention that has passed Y: exit code 4, and what to do; topics check says it, too",
      needs=held)
def passed(line):
    shown, _ = status(line)
    topic = f"{APP}.account.events"
    place = stage_of(shown, "account")["partitions"][1]
    # what was committed is moved back, and what it needs deleted
    consumer = Consumer({"bootstrap.servers": line.broker.address, "group.id": f"{APP}.account",
                         "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(topic, 1, place["x"], metadata="Y=5;v=1")],
                    asynchronous=False)
    consumer.close()
    same(status(line)[0]["stages"][2]["partitions"][1]["y"], 5, "Y")
    for future in line.broker.admin.delete_records([TopicPartition(topic, 1, 6)]).values():
        future.result(20)
    shown, result = status(line, code=4)
    broken = [(p["partition"], p["broken"]) for p in stage_of(shown, "account")["partitions"]
              if "broken" in p]
    check(len(broken) == 1 and broken[0][0] == 1 and "--from-beginning" in broken[0][1], shown)
    check("1 positions" in result.err, result.err)
    text = line.call("status", "--inputs", "erp.events", app=APP, code=4).out
    check("BROKEN: retention removed" in text, text)
    result = line.call("topics", "check", "--inputs", "erp.events", app=APP, code=4)
    check(f"{topic} [1]" in result.out and "--from-beginning" in result.out, result)


@test("what another program has committed: exit code 4", needs=passed)
def foreign(line):
    consumer = Consumer({"bootstrap.servers": line.broker.address, "group.id": f"{APP}.account",
                         "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(f"{APP}.account.events", 1, 9)], asynchronous=False)
    consumer.close()
    shown, _ = status(line, code=4)
    check("not foretell's" in stage_of(shown, "account")["partitions"][1]["broken"], shown)


if __name__ == "__main__":
    run(world())
