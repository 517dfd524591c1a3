#!/usr/bin/env python3
"""Calls of a transaction that time out for good: every request of a kind is lost for longer than
librdkafka tries, longer than the transaction may last, or longer than the session. The line
recovers by itself once they come through, and in the end everything is as after one clean pass."""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import load, wire  # noqa: E402  (after the path)
from chaos.stand import SESSION_MS, TRANSACTION_MS, stand  # noqa: E402
from chaos.wire import Rule  # noqa: E402
from lib.tap import check, diag, run, test  # noqa: E402

PIECE = 150
ALL = 1 << 30
HIT_S_MAX = 30
CLIENTS = 3 * 14  # each of seven stages' two clients, several times over
BEYOND_TRANSACTION_S = TRANSACTION_MS / 1000 + 2
BEYOND_SESSION_S = SESSION_MS / 1000 + 2
RECOVERS = "transaction lost, recovering"


@test("a line behind a proxy that knows the protocol's frames")
def begin(st):
    st.times = st.line("times")
    st.worker = st.times.start("w1", st.cluster.wire.address)
    st.times.await_assigned(st.worker)
    st.times.feed(PIECE)
    st.times.await_done(watch=[st.worker])


def comes_through(st, since, expect=None):
    seconds = st.times.await_done(watch=[st.worker])
    text = st.worker.text()[since:]
    recoveries = text.count(RECOVERS)
    diag(f"done {seconds:.1f} s after the fault was over; {recoveries} recoveries, "
         f"{text.count('partition lost')} assignments lost")
    check(expect is None or expect in text, f"no {expect!r} in {text[-3000:]}")


def lost_for(st, seconds, *rules, expect=None):
    since = len(st.worker.text())
    for rule in rules:
        st.cluster.wire.add(rule)
    st.times.feed(PIECE)
    hit = rules[0].hit.wait(HIT_S_MAX)
    time.sleep(seconds)
    st.cluster.wire.clear()
    check(hit, f"the rule was not hit; seen: {st.cluster.wire.seen}")
    comes_through(st, since, expect)


def add_lost(api, kind, what, seconds, expect):
    @test(f"{wire.NAMES[api]}: every {what} is lost for {seconds:.0f} s", needs=begin)
    def case(st):
        lost_for(st, seconds, Rule(api, kind, times=ALL), expect=expect)


for row in ((wire.PRODUCE, "lose-request", "request", BEYOND_TRANSACTION_S, RECOVERS),
            (wire.ADD_PARTITIONS, "lose-request", "request", BEYOND_TRANSACTION_S, None),
            (wire.ADD_OFFSETS, "lose-request", "request", BEYOND_TRANSACTION_S, None),
            (wire.TXN_OFFSET_COMMIT, "lose-request", "request", BEYOND_TRANSACTION_S, None),
            (wire.END_TXN, "lose-request", "request", BEYOND_TRANSACTION_S, None),
            (wire.END_TXN, "lose-answer", "answer", BEYOND_TRANSACTION_S, None),
            (wire.FETCH, "lose-answer", "answer", BEYOND_SESSION_S, None),
            (wire.HEARTBEAT, "lose-request", "request", BEYOND_SESSION_S, "partition lost")):
    add_lost(*row)


@test("InitProducerId and EndTxn: fenced, and no new producer to be had for a while", needs=begin)
def no_producer(st):
    lost_for(st, 4, Rule(wire.END_TXN, "answer", times=1, code=wire.PRODUCER_FENCED),
             Rule(wire.INIT_PRODUCER_ID, "lose-request", times=ALL), expect=RECOVERS)


@test("OffsetFetch: recovery does not get its positions for a while", needs=begin)
def no_positions(st):
    lost_for(st, 4, Rule(wire.END_TXN, "answer", times=1, code=wire.PRODUCER_FENCED),
             Rule(wire.OFFSET_FETCH, "lose-answer", times=ALL), expect=RECOVERS)


@test("JoinGroup and SyncGroup: the session is over, and the way back is blocked for a while",
      needs=begin)
def no_way_back(st):
    lost_for(st, 4, Rule(wire.HEARTBEAT, "answer", times=1, code=wire.UNKNOWN_MEMBER_ID),
             Rule(wire.JOIN_GROUP, "lose-answer", times=ALL, after=1),
             Rule(wire.SYNC_GROUP, "lose-request", times=ALL), expect="partition lost")


@test("the membership is lost while a commit hangs: recovery waits for the next assignment",
      needs=begin)
def lost_in_commit(st):
    lost_for(st, BEYOND_SESSION_S, Rule(wire.END_TXN, "lose-request", times=ALL,
                                        within=b"times.account."),
             Rule(wire.HEARTBEAT, "lose-request", times=ALL, within=b"times.account"))


@test("the membership is lost while offsets are sent: recovery waits for the next assignment",
      needs=begin)
def lost_in_offsets(st):
    lost_for(st, BEYOND_SESSION_S, Rule(wire.TXN_OFFSET_COMMIT, "lose-request", times=ALL,
                                        within=b"times.account"),
             Rule(wire.HEARTBEAT, "lose-request", times=ALL, within=b"times.account"))


def cut_for(st, seconds, expect=None):
    since = len(st.worker.text())
    st.times.feed(PIECE)
    st.cluster.wire.refuse(True)
    time.sleep(seconds)
    st.cluster.wire.refuse(False)
    comes_through(st, since, expect)


@test("the network is cut for less than the session", needs=begin)
def short_cut(st):
    cut_for(st, 1)


@test("the network is cut for longer than the session and the transaction", needs=begin)
def long_cut(st):
    cut_for(st, BEYOND_TRANSACTION_S)


@test("Metadata: for a while the brokers know of none, as one does that was fenced for a moment: "
      "the clients keep theirs", needs=begin)
def no_brokers(st):
    st.worker.kill()
    st.worker.start("times", "--kafka.topic.metadata.refresh.interval.ms", "500")
    st.times.await_assigned(st.worker)
    rule = st.cluster.wire.add(Rule(wire.METADATA, "no-brokers", times=ALL))
    st.times.feed(PIECE)
    end = time.monotonic() + HIT_S_MAX
    while rule.hit_count < CLIENTS:  # one without brokers would not ask again
        check(time.monotonic() < end, f"{rule.hit_count} answers, of {CLIENTS}")
        time.sleep(0.05)
    st.cluster.wire.clear()
    comes_through(st, 0)


# With it one such answer is enough; without, librdkafka finds its brokers again mostly.
FORGETS = {"metadata.recovery.strategy": "none"}


class Hurried(load.Load):
    """Asks for the brokers all the time, and is quick to take a new client."""

    SILENT_S = 1.5
    SETTINGS = {**load.Load.SETTINGS, **FORGETS, "client.id": "hurried",
                "topic.metadata.refresh.interval.ms": 200}


@test("Metadata: a sender that is told so forgets its brokers; another one sends what is missing",
      needs=begin)
def sender_forgets(st):
    rows = st.times.rows[st.times.fed:st.times.fed + PIECE]
    rule = st.cluster.wire.add(Rule(wire.METADATA, "no-brokers", after=2, within=b"hurried"))
    sender = Hurried(st.cluster.wire.address, rows, 5, first_serial=st.times.fed,
                     topic=st.times.input)
    sender.start()
    sender.join(HIT_S_MAX)
    check(not sender.is_alive(), f"{len(sender.waiting)} records wait for ever")
    check(sender.failed is None, str(sender.failed))
    check(rule.hit_count == 1 and 0 < sender.again_count < PIECE,
          f"{sender.again_count} records were sent again, of {PIECE}")
    st.times.fed += PIECE
    st.times.await_done(watch=[st.worker])


@test("SIGTERM while the network is cut: the process ends when it is back, code 0", needs=begin)
def terminated(st):
    st.times.feed(PIECE)
    st.cluster.wire.refuse(True)
    time.sleep(0.5)
    st.worker.terminate()
    time.sleep(BEYOND_SESSION_S)
    st.cluster.wire.refuse(False)
    began = time.monotonic()
    code = st.worker.finish(30)
    diag(f"exit code {code}, {time.monotonic() - began:.1f} s after the network is back")
    check(code == 0, f"exit code {code}: {st.worker.tail()}")
    st.worker.start("times")
    st.times.await_done(watch=[st.worker])


def add_restart(kind, what, api=wire.LIST_OFFSETS):
    @test(f"{wire.NAMES[api]}: {what}, while a start restores the states: none is missing",
          needs=begin)
    def case(st):
        st.worker.kill()
        st.worker.wipe("times", identity_too=False)
        rule = st.cluster.wire.add(Rule(api, kind, times=6))
        st.worker.start("times")
        st.times.feed(PIECE)
        check(rule.hit.wait(HIT_S_MAX), "the rule was not hit")
        st.times.await_assigned(st.worker)
        st.cluster.wire.clear()
        comes_through(st, 0, "states restored from their topics")


add_restart("lose-answer", "answers are lost")
add_restart("cut-request", "connections break")
add_restart("cut-answer", "connections break in the middle", wire.FETCH)
add_restart("cut-answer", "connections break in the middle", wire.OFFSET_FETCH)


@test("after all this the outputs equal a clean pass", needs=begin)
def equal(st):
    st.times.check_equal()


if __name__ == "__main__":
    run(stand())
