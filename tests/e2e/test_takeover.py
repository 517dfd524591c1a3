#!/usr/bin/env python3
"""One process takes over from another: from one that sleeps, from one of its own name, from one
that died within a transaction. Whoever has lost its place does no harm when it wakes up."""

import os
import shutil
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos import wire  # noqa: E402  (after the path)
from chaos.stand import SESSION_MS, TRANSACTION_MS, stand  # noqa: E402
from chaos.wire import Rule  # noqa: E402
from lib.tap import check, diag, run, same, test  # noqa: E402

PIECE = 300
ALL = 1 << 30
END_S_MAX = 40


@test("a process sleeps for longer than its session: another takes over; it wakes up, commits "
      "nothing of what it had, and joins again")
def zombie(st):
    line = st.over = st.line("over", events=8 * PIECE)
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
    double = line.worker("double")
    os.makedirs(double.state)
    shutil.copy(os.path.join(first.state, f"{line.name}.instance"), double.state)
    double.start(line.name)
    same(first.finish(END_S_MAX), 1, f"exit code; {first.tail()}")
    check('"code":"BUS_MEMBER_FENCED"' in first.text(), first.tail())
    line.await_assigned(double)
    line.feed(PIECE)
    line.await_done(watch=[double])
    line.stop()


@test("a process dies within a transaction and its name is lost: the next one waits for that "
      "transaction's end, and goes on; all of this equals a clean pass",
      needs=successor)
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


if __name__ == "__main__":
    run(stand())
