#!/usr/bin/env python3
"""Each call to the broker goes wrong in each way, one after the other, while events come in: lost
before the broker sees it, done with its answer lost, or answered with an error. In the end
everything is as after one clean pass."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import wire  # noqa: E402  (after the path)
from chaos.stand import stand  # noqa: E402
from chaos.wire import Rule  # noqa: E402
from lib.tap import check, diag, run, test  # noqa: E402

LINE = "calls"
HIT_S_MAX = 30
PIECE = 120


@test("a line behind a proxy that knows the protocol's frames")
def begin(st):
    st.calls = st.line(LINE)
    st.worker = st.calls.start("w1", st.cluster.wire.address)
    st.calls.await_assigned(st.worker)
    st.calls.feed(PIECE)
    st.calls.await_done(watch=[st.worker])


def broken(st, *rules):
    """The rules strike while a piece is processed; it comes through all the same."""
    calls = st.calls
    before = st.worker.text().count("transaction lost, recovering")
    for rule in rules:
        st.cluster.wire.add(rule)
    calls.feed(PIECE)
    hits = [rule.hit.wait(HIT_S_MAX) for rule in rules]
    seconds = calls.await_done(watch=[st.worker])
    st.cluster.wire.clear()
    check(all(hits), f"not every rule was hit; seen: {st.cluster.wire.seen}")
    after = st.worker.text().count("transaction lost, recovering")
    diag(f"{seconds:.1f} s, {after - before} recoveries")


LOST = {
    wire.PRODUCE: "Produce", wire.FETCH: "Fetch", wire.ADD_PARTITIONS: "AddPartitionsToTxn",
    wire.ADD_OFFSETS: "AddOffsetsToTxn", wire.TXN_OFFSET_COMMIT: "TxnOffsetCommit",
    wire.END_TXN: "EndTxn", wire.HEARTBEAT: "Heartbeat"}


def add_lost(api, name, kind, what):
    @test(f"{name}: {what}", needs=begin)
    def case(st):
        broken(st, Rule(api, kind, times=1))


for api_key, api_name in LOST.items():
    for loss, text in (("lose-request", "the broker never sees it"),
                       ("lose-answer", "it is done, and its answer is lost"),
                       ("cut-request", "the connection breaks before it"),
                       ("cut-answer", "the connection breaks after it")):
        add_lost(api_key, api_name, loss, text)


@test("EndTxn: three answers in a row are lost, with the connection", needs=begin)
def ambiguous(st):
    broken(st, Rule(wire.END_TXN, "cut-answer", times=3))


def add_answer(api, code, name, what, times, expect):
    @test(f"{wire.NAMES[api]} is answered with {name} ({what})", needs=begin)
    def case(st):
        since = len(st.worker.text())
        broken(st, Rule(api, "answer", times=times, code=code))
        check(expect is None or expect in st.worker.text()[since:],
              f"no {expect!r} in {st.worker.text()[since:]!r}")


RECOVERS = "transaction lost, recovering"
for row in (
        (wire.END_TXN, wire.NOT_COORDINATOR, "NOT_COORDINATOR", "it moved", 2, None),
        (wire.END_TXN, wire.COORDINATOR_NOT_AVAILABLE, "COORDINATOR_NOT_AVAILABLE",
         "it is between two brokers", 2, None),
        (wire.END_TXN, wire.COORDINATOR_LOAD_IN_PROGRESS, "COORDINATOR_LOAD_IN_PROGRESS",
         "it reads its log", 2, None),
        (wire.ADD_OFFSETS, wire.NOT_COORDINATOR, "NOT_COORDINATOR", "it moved", 2, None),
        (wire.ADD_OFFSETS, wire.CONCURRENT_TRANSACTIONS, "CONCURRENT_TRANSACTIONS",
         "markers of the last one are being written", 3, None),
        (wire.HEARTBEAT, wire.NOT_COORDINATOR, "NOT_COORDINATOR", "it moved", 2, None),
        (wire.ADD_OFFSETS, wire.INVALID_PRODUCER_EPOCH, "INVALID_PRODUCER_EPOCH",
         "the time-out of the transaction passed", 1, RECOVERS),
        (wire.END_TXN, wire.INVALID_PRODUCER_EPOCH, "INVALID_PRODUCER_EPOCH",
         "the time-out of the transaction passed", 1, RECOVERS),
        (wire.END_TXN, wire.PRODUCER_FENCED, "PRODUCER_FENCED", "though nobody did", 1, RECOVERS),
        (wire.END_TXN, wire.INVALID_TXN_STATE, "INVALID_TXN_STATE", "it is aborted already", 1,
         RECOVERS),
        (wire.HEARTBEAT, wire.UNKNOWN_MEMBER_ID, "UNKNOWN_MEMBER_ID", "the session is over", 1,
         "partition lost"),
        (wire.HEARTBEAT, wire.ILLEGAL_GENERATION, "ILLEGAL_GENERATION",
         "the group went on without it", 1, "partition lost")):
    add_answer(*row)


@test("after all this the outputs equal a clean pass", needs=begin)
def equal(st):
    st.calls.check_equal()


@test("Heartbeat is answered with FENCED_INSTANCE_ID, though nobody else is there: it joins anew",
      needs=begin)
def fenced_instance(st):
    worker = st.calls.start("w1", st.cluster.wire.address)
    st.calls.await_assigned(worker)
    since = len(worker.text())
    rule = st.cluster.wire.add(Rule(wire.HEARTBEAT, "answer", times=1,
                                    code=wire.FENCED_INSTANCE_ID))
    st.calls.feed(PIECE)
    check(rule.hit.wait(HIT_S_MAX), "no heartbeat came")
    worker.await_text("nobody else has its place", HIT_S_MAX, since)
    st.cluster.wire.clear()
    st.calls.await_done(watch=[worker])
    worker.await_text('"msg":"partition assigned"', HIT_S_MAX, worker.text().index(
        "nobody else has its place"))
    st.calls.check_equal()


if __name__ == "__main__":
    run(stand())
