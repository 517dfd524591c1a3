#!/usr/bin/env python3
"""The program at its edges: help, exit codes, configuration, messages that say what to do."""

import concurrent.futures
import json
import os
import subprocess
import time

from confluent_kafka.admin import NewTopic

from lib.avro import encode
from lib.program import MAP, PARTITIONS, world
from lib.tap import Skip, check, run, same, test

SUBCOMMANDS = ("topics", "ingest", "serve", "run", "status", "tail", "explain", "risk", "diff",
               "config", "schemas", "simulate", "timeline")
UNREACHABLE_S_MAX = 40
NOWHERE = "127.0.0.1:1"  # a port that no broker has


@test("--help: exit code 0, usage, an example, the exit codes")
def help_pages(line):
    result = line.bare("--help")
    same(result.code, 0, "exit code")
    check(all(name in result.out for name in SUBCOMMANDS), result)
    for name in SUBCOMMANDS:
        result = line.bare(name, "--help")
        same((result.code, result.err), (0, ""), name)
        check(f"Usage: foretell {name}" in result.out and "Examples:\n" in result.out
              and f"  foretell {name}" in result.out.split("Examples:\n")[1].replace("&& ", "\n  ")
              and "Exit codes:" in result.out, result)


@test("--version")
def version(line):
    result = line.bare("--version")
    check(result.code == 0 and "librdkafka 2." in result.out, result)


@test("a wrong command line: exit code 2, and the nearest name")
def wrong_usage(line):
    cases = [
        ((), "Usage"), (("ingset",), "ingest"), (("run", "--aap", "x"), "--app"),
        (("run", "--alert.opne=0.5"), "alert.open"), (("tail", "alerts", "--folow"), "--follow"),
        (("feedback", "a/churn.risk/1", "--ack", "--inputs", "erp.events"), "crm.events"),
        (("tail",), "TOPIC"), (("tail", "a", "b"), "b"), (("topics", "delete"), "create"),
        (("run", "resolv"), "resolve"), (("run", "--app"), "--app"),
        (("diff", "one"), "APP1 APP2"), (("tail", "alerts", "--limit", "many"), "many"),
        (("tail", "alerts", "--from-end"), "--follow"), (("ingest", "csv", "file"), "--map"),
        (("ingest", "jsonl", "file"), "--topic"),
        (("ingest", "xml", "file", "--map", MAP), "jsonl"),
        (("run", "--until-end=yes"), "--until-end"),
        (("identity", "--totals", "--split-from", "C-1"), "--split-from"),
        (("identity", "C-1", "--undo"), "--undo"),
        (("identity", "email:"), "SCHEME:VALUE"),
        (("identity", "C-1", "--split-from", "email:nobody"), "email:nobody"),
        (("timeline", "phone:12"), "a phone number with its country's code"),
        (("models", "--trained-until", "2026-03-01"), "--trained-until"),
        (("models", "import", "m.json", "--golden", "g.csv", "--trained-until", "soon"),
         "date or time"),
    ]
    for arguments, word in cases:
        result = line.bare(*arguments)
        check(result.code == 2 and word in result.err and result.out == "", f"{word}:", result)


@test("a wrong configuration: exit code 2, the option, the value and what is expected")
def wrong_configuration(line):
    cases = [
        (("--alert.open=1.5",), ("alert.open", "1.5", "1")),
        (("--alert.open=0.5",), ("alert.close", "alert.open")),
        (("--partitions=0",), ("partitions", "1024")),
        (("--clock=fast",), ("clock", "live", "data")),
        (("--app=Upper",), ("app.id", "lower-case")),
        (("--inputs=erp.events,nothing",), ("inputs", "nothing", "erp.events")),
        (("--inputs=erp.events,erp.events",), ("inputs", "twice")),
        (("--kafka.bootstrap.servers=here",), ("kafka.bootstrap.servers", "here")),
        (("--config", line.path("absent.json")), ("absent.json",)),
    ]
    for arguments, words in cases:
        result = line.bare("config", *arguments)
        check(result.code == 2 and all(w in result.err for w in words), words, result)
    for text, words in (("{", ("line",)), ('{"alert.opne": 0.5}', ("alert.opne", "alert.open")),
                        ('{"alert.open": "much"}', ("alert.open", "much")), ("[]", ("object",))):
        with open(line.path("bad.json"), "w", encoding="utf-8") as file:
            file.write(text)
        result = line.bare("config", "--config", line.path("bad.json"))
        check(result.code == 2 and "bad.json" in result.err
              and all(w in result.err for w in words), words, result)
    result = line.bare("config", env={"FORETELL_ALERT_OPEN": "x"})
    check(result.code == 2 and "FORETELL_ALERT_OPEN" in result.err, result)
    result = line.call("tail", "alerts", "--kafka.no.such.property=1", code=2)
    check("kafka.no.such.property" in result.err, result)


@test("configuration: file < environment < flag, each value with its origin")
def precedence(line):
    path = line.path("foretell.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"alert.open": 0.91, "alert.close": 0.51, "commit.interval.ms": 31,
                   "kafka.sasl.password": "secret-word"}, file)
    env = {"FORETELL_CONFIG": path, "FORETELL_ALERT_CLOSE": "0.52",
           "FORETELL_COMMIT_INTERVAL_MS": "32"}
    result = line.bare("config", "--commit.interval.ms=33", env=env)
    same(result.code, 0, repr(result))
    rows = {t.split()[0]: t for t in result.out.splitlines() if t.split()}
    for name, value, origin in (
            ("alert.open", "0.91", "foretell.json"),
            ("alert.close", "0.52", "FORETELL_ALERT_CLOSE"),
            ("commit.interval.ms", "33", "--commit.interval.ms"), ("idle.ms", "30000", "default")):
        row = next((t for key, t in rows.items() if key.startswith(name)), "")
        check(value in row and origin in row, f"{name}:", row, result.out)
    check("secret-word" not in result.out + result.err, "a secret is shown")


@test("the reference page has every option")
def reference(line):
    options = line.bare("config").out
    page = line.bare("config", "--reference").out
    for name in ("app.id", "clock", "tick.ms", "alert.open", "series.dimensions", "kafka."):
        check(name in options and name in page, name)


@test("no topics: exit code 1, and the command that makes them")
def no_topics(line):
    result = line.call("run", "--until-end", "--inputs", "erp.events", app="fresh", code=1)
    check("erp.events does not exist" in result.err and "foretell topics create" in result.err,
          result)
    result = line.call("topics", "check", "--inputs", "erp.events", app="fresh", code=4)
    check("foretell topics create" in result.out + result.err, result)
    line.call("topics", "create", "--inputs", "erp.events", app="other")
    result = line.call("run", "--until-end", "--inputs", "erp.events", app="fresh", code=1)
    check("fresh." in result.err and "foretell topics create" in result.err, result)
    for command in (("explain", "x"), ("diff", "fresh", "other"), ("tail", "alerts"), ("risk",)):
        result = line.call(*command, app=None if command[0] == "diff" else "fresh", code=1)
        check("fresh." in result.err, result)


@test("no broker: exit code 3 within a bound, and where its address is set")
def unreachable(line):
    commands = [("topics", "check"), ("run", "--until-end", "--inputs", "erp.events"),
                ("tail", "alerts"), ("explain", "x"), ("risk",), ("diff", "one", "two"),
                ("ingest", "csv", "--map", MAP, line.path("orders.csv"))]
    with open(line.path("orders.csv"), "w", encoding="utf-8") as file:
        file.write("customer,time,amount,quantity,country\nc,852076800000,1.00,1,Chile\n")

    def call(command):
        began = time.monotonic()
        result = line.bare(*command, "--brokers", NOWHERE, "--state.dir", line.path("nowhere"),
                           timeout=2 * UNREACHABLE_S_MAX)
        return command, result, time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        for command, result, took_s in pool.map(call, commands):
            check(result.code == 3 and "kafka.bootstrap.servers" in result.err, result)
            check(NOWHERE in result.err, "the address is not named:", result)
            check(took_s < UNREACHABLE_S_MAX, f"{command} took {took_s:.0f} s")


@test("no registry: exit code 3, and its address")
def no_registry(line):
    line.broker.produce("erp.events", [(b"x", encode("control", {
        "kind": "END", "writer": "x", "at_ms": 0, "ingest_ms": 0, "inputs": []}))])
    result = line.call("tail", "erp.events", "--registry", "http://127.0.0.1:1", app="other",
                       code=3)
    check("127.0.0.1:1" in result.err, result)


def lines_of(result):
    return [json.loads(text) for text in result.out.splitlines()]


@test("tail: JSON lines that parse, with null, undecodable and odd values")
def tail(line):
    line.broker.admin.create_topics([NewTopic("plain", 1, 1)])["plain"].result(20)
    end = encode("control", {"kind": "END", "writer": "quo\"te\n\u00e9", "at_ms": 7,
                             "ingest_ms": 0, "inputs": []})
    line.broker.produce("plain", [
        (b"a", end), (b"b", None), (b"c", b"\xff\x00garbage"), (None, end[:-3]),
        (b"\xff\xfe", end + b"x"), (b"", b"")])
    shown = lines_of(line.call("tail", "plain"))
    same([r["offset"] for r in shown], list(range(6)), "offsets")
    same([r["key"] for r in shown][:4], ["a", "b", "c", None], "keys")
    same((shown[0]["value"]["kind"], shown[0]["value"]["writer"]), ("END", "quo\"te\n\u00e9"),
         "value")
    same(shown[1]["value"], None, "a null value")
    for record in shown[2:]:
        check(set(record["value"]) == {"base64", "error"} and record["value"]["error"], record)
    check("base64" in shown[4]["key"], "a key that is no text:", shown[4])
    check({"topic", "partition", "offset", "timestamp", "key", "headers", "value"}
          == set(shown[0]), shown[0])
    same(len(lines_of(line.call("tail", "plain", "--limit", "2"))), 2, "--limit")
    raw = lines_of(line.call("tail", "plain", "--raw"))
    check(all(r["value"] is None or set(r["value"]) == {"base64"} for r in raw), raw)
    same(line.call("tail", "alerts", app="other").out, "", "an empty topic")


@test("tail --follow shows what comes, and ends at SIGTERM")
def follow(line):
    process = line.start("tail", "plain", "--follow", "--from-end")
    time.sleep(1.5)
    line.broker.produce("plain", [(b"new", None)])
    end = time.monotonic() + 10
    while '"key":"new"' not in line.log_of(process):
        check(time.monotonic() < end, "it is not shown:", line.log_of(process))
        time.sleep(0.05)
    check('"key":"a"' not in line.log_of(process), "--from-end shows the old")
    process.terminate()
    check(line.finish(process, 10) in (0, 130), "exit code", str(process.returncode))


@test("explain: an unknown account is exit code 1 and says so")
def explain(line):
    result = line.call("explain", "nobody-here", app="other", code=1)
    check("nobody-here" in result.err and "other.accounts" in result.err, result)


@test("topics check: every mismatch with its reason and its mend, exit code 4", needs=no_topics)
def topics_check(line):
    line.call("topics", "check", "--inputs", "erp.events", app="other")
    line.broker.alter("other.account.events", "retention.ms", "86400000")
    line.broker.alter("other.accounts", "cleanup.policy", "delete")
    line.broker.alter("erp.events", "message.timestamp.type", "CreateTime")
    line.broker.alter("other.dlq", "max.message.bytes", "1000000")
    result = line.call("topics", "check", "--inputs", "erp.events", app="other", code=4)
    for words in (("other.account.events", "retention.ms", "86400000"),
                  ("other.accounts", "cleanup.policy", "compact"),
                  ("erp.events", "message.timestamp.type", "LogAppendTime"),
                  ("other.dlq", "max.message.bytes", "1000000")):
        check(any(all(w in text for w in words) for text in result.out.splitlines()), words,
              result)
    same(result.out.count("mend:"), 4, "mends")
    check("4 mismatches" in result.err, result.err)
    again = line.call("topics", "create", "--inputs", "erp.events", app="other", code=4)
    check("created" not in again.out, "create must not change what is there:", again)
    line.broker.alter("erp.events", "message.timestamp.type", "LogAppendTime")


@test("topics check: another partition count, exit code 4; run refuses it", needs=no_topics)
def partition_count(line):
    line.broker.admin.create_topics([NewTopic("odd.alerts", PARTITIONS - 1, 1)])[
        "odd.alerts"].result(20)
    result = line.call("topics", "create", "--inputs", "erp.events", app="odd", code=4)
    check("odd.alerts" in result.out and "partition count is 3, must be 4" in result.out, result)
    same(len(line.broker.partitions("odd.alerts")), PARTITIONS - 1, "partitions")
    result = line.call("run", "--until-end", "--inputs", "erp.events", app="odd", code=1)
    check("odd.alerts" in result.err and "3" in result.err and "4" in result.err, result)


@test("topics create: an input with another partition count, and nothing is created",
      needs=no_topics)
def input_partitions(line):
    line.broker.admin.create_topics([NewTopic("few.erp.events", PARTITIONS - 1, 1)])[
        "few.erp.events"].result(20)
    inputs = ("--inputs", "few.crm.events,few.erp.events")
    result = line.call("topics", "create", *inputs, app="few", code=4)
    check(f"--partitions {PARTITIONS - 1}" in result.err and "created " not in result.out, result)
    check(not [name for name in line.broker.admin.list_topics(timeout=20).topics
               if name.startswith("few.") and name != "few.erp.events"], "topics were created")


@test("output that can't be written is an error")
def full_disk(line):
    if not os.path.exists("/dev/full"):
        raise Skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(line.command(("tail", "plain"), None), stdout=full,
                              stderr=subprocess.PIPE, env=line.environment(), check=False)
    check(done.returncode == 1 and b"stdout" in done.stderr, done)


if __name__ == "__main__":
    run(world())
