#!/usr/bin/env python3
"""The disk of the state folder is full while events come in: the line waits, goes on when there is
room, and loses nothing where it is killed meanwhile. (That it gives up at last is shown in
tests/unit/test_runtime.c, where a minute is short.)"""

import contextlib
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from chaos.stand import stand  # noqa: E402  (after the path)
from lib.tap import Skip, run, test  # noqa: E402

PIECE = 300
DISK_MB = 160
# A quarter of what memory.max leaves to share must stay free: with this little, 43 MiB.
MEMORY = ("--memory.max", "300M")
WAIT_S_MAX = 40


def fill(folder):
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return path


def needs_disk(st):
    if not st.mounts:
        raise Skip("no file system could be mounted")


@test("a state folder on a small disk of its own")
def begin(st):
    line = st.small = st.line("disk", events=6 * PIECE)
    worker = st.worker = line.worker("w1", None, *MEMORY)
    os.makedirs(worker.state)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs",
                           worker.state], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"a file system can't be mounted: {done.stderr.strip()}")
    st.mounts = [worker.state]
    worker.start(line.name)
    line.await_assigned(worker)
    line.feed(PIECE)
    line.await_done(watch=[worker])


@test("the disk is full for a while: the process waits, and goes on by itself", needs=begin)
def waits(st):
    needs_disk(st)
    since = len(st.worker.text())
    ballast = fill(st.worker.state)
    st.small.feed(PIECE)
    st.worker.await_text("waiting for room on the disk", WAIT_S_MAX, since)
    os.remove(ballast)
    st.worker.await_text("there is room again", WAIT_S_MAX, since)
    st.small.await_done(watch=[st.worker])


@test("it is killed while it waits: the next start goes on, nothing is lost", needs=waits)
def killed(st):
    needs_disk(st)
    since = len(st.worker.text())
    ballast = fill(st.worker.state)
    st.small.feed(PIECE)
    st.worker.await_text("waiting for room on the disk", WAIT_S_MAX, since)
    st.worker.kill()
    os.remove(ballast)
    st.worker.start(st.small.name)
    st.small.feed(PIECE)
    st.small.await_done(watch=[st.worker])
    st.small.check_equal()


@contextlib.contextmanager
def mounted():
    """The stand; what was mounted is unmounted before its folder goes."""
    with stand() as st:
        st.mounts = []
        try:
            yield st
        finally:
            st.close()
            for folder in st.mounts:
                subprocess.run(["umount", "-l", folder], check=False)


if __name__ == "__main__":
    run(mounted())
