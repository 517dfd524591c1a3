#!/usr/bin/env python3
"""What a running process tells over HTTP: metrics that hold against Kafka, health, readiness."""

import concurrent.futures
import json
import os
import signal
import socket
import time

from confluent_kafka import Consumer, TopicPartition

from lib.avro import ROOT
from lib.orders import make_orders, write_csv
from lib.program import HISTORY, PARTITIONS, world
from lib.tap import check, run, same, test
from lib.watch import address_of, ask, await_ready, await_true, metrics, promtool, value

STAGES = ("resolve", "identify", "account", "forecast", "levels", "gather", "learn")
APP = "watched"


def committed(line, group, topic):
    consumer = Consumer({"bootstrap.servers": line.broker.address, "group.id": group})
    try:
        asked = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        return {tp.partition: tp.offset for tp in consumer.committed(asked, timeout=20)}
    finally:
        consumer.close()


def scrape(line):
    status, text, headers = ask(line.address, "/metrics")
    same(status, 200, "status")
    check(headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers)
    return text, metrics(text)


def at_rest(line):
    """The metrics once everything is processed and published."""
    def look():
        _, found = scrape(line)
        rests = all(found[name] and not any(found[name].values()) for name in (
            "foretell_partition_lag_offsets", "foretell_partition_replay_distance_offsets",
            "foretell_cache_dirty_entries"))
        enough = all(value(found, "foretell_records_total", stage=stage) >= line.row_count
                     for stage in ("resolve", "identify", "account"))
        return found if rests and enough else None
    return await_true("lag 0, Y = X", look)


@test("a stage that reads, and one process that tells of it")
def begin(line):
    rows = make_orders(300, 300, 11)
    line.row_count = len(rows)
    line.create_topics(APP)
    line.ingest(write_csv(line.path("orders.csv"), rows), APP)
    line.process = line.start("run", *HISTORY, "--http.listen", "127.0.0.1:0", app=APP)
    line.address = address_of(line, line.process)
    status, text, _ = ask(line.address, "/health")
    same((status, text), (200, "ok\n"), "health from the first moment")
    await_ready(line.address)
    same(ask(line.address, "/ready")[1], "ok\n", "ready")


@test("promtool finds nothing to say", needs=begin)
def lint(line):
    text, _ = scrape(line)
    same(promtool("check", "metrics", text=text), (0, ""), "promtool check metrics")
    bad = text.replace("# HELP foretell_commits_total", "# HELP foretell_other_total")
    check(promtool("check", "metrics", text=bad)[0] != 0, "promtool would find a fault")


@test("every metric is in docs/operate.md", needs=begin)
def documented(line):
    with open(os.path.join(ROOT, "docs/operate.md"), encoding="utf-8") as file:
        page = file.read()
    for text in scrape(line)[0].splitlines():
        if text.startswith("# TYPE "):
            name = text.split()[2]
            for prefix in ("foretell_partition_", "foretell_"):
                short = name.removeprefix(prefix)
                if short != name:
                    break
            check(f"`{short}" in page or f"`{name}" in page, "not documented:", name)


@test("the figures are those of the input and of Kafka", needs=begin)
def figures(line):
    found = at_rest(line)
    ends = {p: e for p, e in line.broker.ends("erp.events", committed=True).items()}
    # the end of a file is a record for each partition
    same(value(found, "foretell_records_total", stage="resolve"), line.row_count + PARTITIONS,
         "records of resolve")
    for stage, topic in (("resolve", "erp.events"), ("account", f"{APP}.account.events"),
                         ("forecast", f"{APP}.series.points")):
        positions = committed(line, f"{APP}.{stage}", topic)
        for partition in range(PARTITIONS):
            labels = {"stage": stage, "topic": topic, "partition": str(partition)}
            same(value(found, "foretell_partition_committed_offset", **labels),
                 positions[partition], f"X of {topic} [{partition}]")
            same(value(found, "foretell_partition_live", **labels), 1, "live")
        same(value(found, "foretell_stage_ready", stage=stage), 1, stage)
        same(value(found, "foretell_stage_phase", stage=stage, phase="running"), 1, stage)
        same(value(found, "foretell_stage_partitions", stage=stage), PARTITIONS, stage)
        same(value(found, "foretell_dead_letters_total", stage=stage), 0, stage)
        check(value(found, "foretell_commits_total", stage=stage)
              >= value(found, "foretell_commit_age_seconds_count", stage=stage) > 0, stage)
    for partition, end in ends.items():
        same(value(found, "foretell_partition_end_offset", stage="resolve", topic="erp.events",
                   partition=str(partition)), end, "end")
    sums = sum(number for labels, number in found["foretell_partition_records_total"].items()
               if ("stage", "account") in labels)
    same(sums, value(found, "foretell_records_total", stage="account"), "by partition and in all")
    check(value(found, "foretell_effects_total", stage="resolve") >= line.row_count, "effects")


@test("memory, disk and the Kafka clients show", needs=figures)
def resources(line):
    def told():
        _, found = scrape(line)
        return found if found["foretell_kafka_received_bytes_total"] else None
    found = await_true("the clients' statistics", told)
    check(10e6 < value(found, "process_resident_memory_bytes") < 2e9, "memory")
    with open(f"/proc/{line.process.pid}/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    near = value(found, "process_resident_memory_bytes") / (pages * os.sysconf("SC_PAGESIZE"))
    check(0.8 < near < 1.25, "resident memory against /proc:", near)
    check(abs(value(found, "process_start_time_seconds") - time.time()) < 300, "start time")
    check(value(found, "process_cpu_seconds_total") > 0, "processor time")
    check(value(found, "foretell_store_disk_bytes") > 0, "disk")
    for stage in STAGES:
        for client in ("consumer", "producer"):
            check(value(found, "foretell_kafka_received_bytes_total", stage=stage,
                        client=client) > 0, stage, client)
            check(value(found, "foretell_kafka_connected_brokers", stage=stage,
                        client=client) > 0, stage, client)


@test("a dead letter is counted, and logged with its partition and offset", needs=figures)
def dead_letter(line):
    (partition, offset), = line.broker.produce("erp.events", [(b"x", b"no event", 2)])
    await_true("one dead letter", lambda: value(
        scrape(line)[1], "foretell_dead_letters_total", stage="resolve") == 1)
    await_true("by partition", lambda: value(
        scrape(line)[1], "foretell_partition_dead_letters_total", stage="resolve",
        topic="erp.events", partition="2") == 1)
    rows = [json.loads(t) for t in line.log_of(line.process).splitlines() if " dlq" in t]
    same([(r["topic"], r["partition"], r["offset"]) for r in rows],
         [("erp.events", partition, offset)], "the log")


@test("paths, methods, and many who ask at once", needs=begin)
def manners(line):
    status, text, _ = ask(line.address, "/nothing")
    check(status == 404 and "/metrics" in text, status, text)
    status, text, headers = ask(line.address, "/metrics", "POST", b"x" * 100000)
    check(status == 405 and "GET" in headers["Allow"], status, text)
    status, text, headers = ask(line.address, "/metrics", "HEAD")
    check(status == 200 and text == "" and int(headers["Content-Length"]) > 1000, status, text)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(line.address, "/metrics")[0], range(200)))
    same(answers, [200] * 200, "200 scrapes")
    host, port = line.address.split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(20)]
    same(ask(line.address, "/health")[0], 200, "beside 20 connections that say nothing")
    for connection in idle:
        connection.close()


@test("a port that is taken: exit code 1 before anything is begun", needs=begin)
def taken(line):
    result = line.call("run", *HISTORY, "--http.listen", line.address, app=APP, code=1)
    check(line.address in result.err and "http.listen" in result.err, result)
    same(ask(line.address, "/ready")[0], 200, "the first one is undisturbed")


@test("a broker that is away: the process stays healthy, and goes on",
      needs=figures)
def outage(line):
    before = value(at_rest(line), "foretell_records_total", stage="resolve")
    pid_file = os.path.join(line.broker.folder, "kafka.pid")
    with open(pid_file, encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    await_true("a connection is down", lambda: 0 in scrape(line)[1][
        "foretell_kafka_connected_brokers"].values())
    same(ask(line.address, "/health")[0], 200, "health while the broker is away")
    line.broker.tool("start", "--while", str(os.getpid()), line.broker.folder, "0")
    del line.broker.admin
    line.broker.produce("erp.events", [(b"x", b"no event", 1)])
    await_true("it goes on", lambda: value(
        scrape(line)[1], "foretell_records_total", stage="resolve") == before + 1)
    await_ready(line.address)


@test("kill -9: what is replayed is counted apart, and no record twice", needs=outage)
def replay(line):
    at_rest(line)
    line.process.kill()
    line.finish(line.process)
    line.process = line.start("run", *HISTORY, "--http.listen", "127.0.0.1:0",
                              "--checkpoint.interval.ms", "60000", app=APP)
    line.address = address_of(line, line.process)
    await_ready(line.address)
    found = scrape(line)[1]
    same(value(found, "foretell_records_total", stage="account"), 0, "processed live")
    starts = [json.loads(t) for t in line.log_of(line.process).splitlines()
              if '"partition assigned"' in t]
    same(len(starts), len(STAGES) * PARTITIONS, "lines about partitions")
    for row in starts:
        same(row["replay"], max(0, row["live_from"] - row["offset"]), row)


@test("SIGTERM ends it, and the server with it", needs=begin)
def end(line):
    line.process.terminate()
    same(line.finish(line.process), 0, "exit code")
    with socket.socket() as probe:
        check(probe.connect_ex(("127.0.0.1", int(line.address.split(":")[1]))) != 0, "closed")


@test("the alerts in the docs are rules that Prometheus takes, on metrics that exist", needs=begin)
def rules(_line):
    folder = os.path.join(ROOT, "docs/examples")
    code, text = promtool("check", "rules", os.path.join(folder, "alerts.rules.yml"))
    check(code == 0 and "SUCCESS" in text, text)
    code, text = promtool("test", "rules", os.path.join(ROOT, "tests/e2e/data/alerts.test.yml"))
    check(code == 0 and "SUCCESS" in text, text)


if __name__ == "__main__":
    run(world())
