#!/usr/bin/env python3
"""One process takes over from another: from one that sleeps, from one of its own name, from one
that died within a transaction. Whoever has lost its place does no harm when it wakes up."""

import json
import os
import shutil
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import wire  # noqa: E402  (after the path)
from chaos.stand import SESSION_MS, TRANSACTION_MS, stand  # noqa: E402
from chaos.wire import Rule  # noqa: E402
from lib import orders, watch  # noqa: E402
from lib.tap import check, diag, run, same, test  # noqa: E402

PIECE = 300
ALL = 1 << 30
END_S_MAX = 40


@test("a process sleeps for longer than its session: another takes over; it wakes up, commits "
      "nothing of what it had, and joins again")
def zombie(st):
    line = st.over = st.line("over", events=14 * PIECE)
    first, second = line.start("w1"), line.start("w2")
    line.await_assigned(first)
    line.await_assigned(second)
    line.feed(PIECE)
    line.await_done(watch=[first, second])
    first.freeze()
    line.feed(PIECE)
    line.await_done(watch=[second])
    first.thaw()
    first.await_text("partition lost", END_S_MAX)
    line.feed(PIECE)
    line.await_done(watch=[first, second])
    second.terminate()
    same(second.finish(END_S_MAX), 0, f"exit code; {second.tail()}")
    st.first = first


@test("a second process with the first one's name takes its place: the first one ends, and says "
      "why", needs=zombie)
def successor(st):
    line, first = st.over, st.first
    double = line.worker("double", st.cluster.wire.address)
    os.makedirs(double.state)
    shutil.copy(os.path.join(first.state, f"{line.name}.instance"), double.state)
    double.start(line.name)
    same(first.finish(END_S_MAX), 1, f"exit code; {first.tail()}")
    check('"code":"BUS_MEMBER_FENCED"' in first.text(), first.tail())
    line.await_assigned(double)
    line.feed(PIECE)
    line.await_done(watch=[double])
    st.double = double


@test("so it does while the group doesn't hear the first one for longer than its session: that one "
      "leaves the place to the second one, and ends", needs=successor)
def late_successor(st):
    line, first = st.over, st.double
    rule = st.cluster.wire.add(Rule(wire.HEARTBEAT, "lose-request", times=ALL))
    check(rule.hit.wait(END_S_MAX), "no heartbeat came")
    heir = line.worker("heir")
    os.makedirs(heir.state)
    shutil.copy(os.path.join(first.state, f"{line.name}.instance"), heir.state)
    heir.start(line.name)
    line.await_assigned(heir)
    same(first.finish(END_S_MAX), 1, f"exit code; {first.tail()}")
    st.cluster.wire.clear()
    check('"code":"BUS_MEMBER_FENCED"' in first.text(), first.tail())
    line.feed(PIECE)
    line.await_done(watch=[heir])
    line.stop()


@test("a process dies within a transaction and its name is lost: the next one waits for that "
      "transaction's end, and goes on; all of this equals a clean pass",
      needs=late_successor)
def hanging(st):
    line = st.over
    first = line.start("w3", st.cluster.wire.address)
    line.await_assigned(first)
    line.feed(PIECE)
    line.await_done(watch=[first])
    rule = st.cluster.wire.add(Rule(wire.END_TXN, "lose-request", times=ALL,
                                    within=b"over.account."))
    line.feed(PIECE)
    check(rule.hit.wait(END_S_MAX), f"no end of a transaction; {st.cluster.wire.seen}")
    first.kill()
    killed = time.monotonic()
    st.cluster.wire.clear()
    first.wipe(line.name, identity_too=True)
    second = line.start("w4")
    line.await_done(watch=[second])
    seconds = time.monotonic() - killed
    diag(f"done {seconds:.1f} s after the kill; session {SESSION_MS / 1000} s, time-out of the "
         f"transaction {TRANSACTION_MS / 1000} s")
    check("states restored from their topics" in second.text(), second.tail())
    line.check_equal()


ACCOUNTS = 20000
SETTLED_S = 1.5


def many_accounts(line):
    """An event for each of many accounts, so that there are states to take over."""
    line.rows[line.fed:line.fed] = [
        orders.Order(f"a{i:06d}", orders.BEGIN_MS + i, 100 + i, 1, "Chile")
        for i in range(ACCOUNTS)]
    line.feed(ACCOUNTS)


@test("a take-over by a process that has to read all states, and by one that has followed them")
def standby(st):
    line = st.line("warm", events=20 * PIECE)
    first = line.start("w1")
    line.await_assigned(first)
    many_accounts(line)
    line.await_done(timeout_s=120, watch=[first])
    cold = line.start("w2")
    line.await_assigned(cold)
    without_s, text = cold.take_over(line.name, first, line.partitions, END_S_MAX)
    check("states restored from their topics" in text, text[-1500:])
    line.feed(PIECE)
    line.await_done(watch=[cold])

    warm = line.start("w3", None, "--standby", "all", "--http.listen", "127.0.0.1:0")
    line.await_assigned(warm)
    line.feed(PIECE)
    line.await_done(watch=[cold, warm])
    address = next(json.loads(t)["address"] for t in warm.text().splitlines() if '"serving ' in t)
    seen, calm, end = -1.0, time.monotonic(), time.monotonic() + END_S_MAX
    while time.monotonic() - calm < SETTLED_S or seen < ACCOUNTS / 3:
        found = watch.metrics(watch.ask(address, "/metrics")[1])
        now = found["foretell_standby_records_total"][frozenset({("stage", "account")})]
        if now != seen:
            seen, calm = now, time.monotonic()
        check(time.monotonic() < end, f"{seen} records followed: {warm.tail()}")
        time.sleep(0.1)
    with_s, text = warm.take_over(line.name, cold, line.partitions, END_S_MAX)
    check('"states were followed, the rest is read"' in text, text[-1500:])
    check("states restored from their topics" not in text, text[-1500:])
    line.feed(PIECE)
    line.await_done(watch=[warm])
    diag(f"{ACCOUNTS} accounts, {line.partitions} partitions: taken over in {without_s:.3f} s "
         f"without a standby, in {with_s:.3f} s with one")
    line.check_equal()


if __name__ == "__main__":
    run(stand())
