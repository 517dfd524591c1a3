"""Processes of foretell under test: each has a folder, so a store and an identity, of its own."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import time

from lib.program import FORETELL
from lib.tap import Failure

# What an exit means that nobody asked for.
TAIL_CHARS = 3000


def stamp(line):
    return datetime.datetime.fromisoformat(json.loads(line)["ts"].replace("Z", "+00:00"))


class Worker:
    """One place where foretell runs: `name`, its folder, and the process there, if any."""

    def __init__(self, name, folder, address, options):
        self.name, self.folder, self.address = name, folder, address
        self.options = options
        self.state = os.path.join(folder, "state", name)
        self.logs = os.path.join(folder, "logs")
        self.process, self.frozen, self.starts = None, False, 0
        self.log = None
        os.makedirs(self.logs, exist_ok=True)
        os.makedirs(os.path.dirname(self.state), exist_ok=True)

    def command(self, app, *arguments):
        return [FORETELL, *arguments, *self.options, "--app", app, "--brokers", self.address,
                "--state.dir", self.state]

    def start(self, app, *more):
        assert not self.running(), f"{self.name} runs already"
        self.starts += 1
        self.log = os.path.join(self.logs, f"{self.name}.{app}.{self.starts}")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FORETELL")}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command(app, "run", *more), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment, cwd=self.folder)
        self.frozen = False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.frozen = False

    def freeze(self):
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.signal(signal.SIGCONT)
        self.frozen = False

    def terminate(self):
        """Asks for a clean end."""
        self.signal(signal.SIGTERM)

    def finish(self, timeout_s):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {timeout_s} s: {self.tail()}") from None

    def store(self, app):
        return os.path.join(self.state, app)

    def wipe(self, app, identity_too):
        """The store is lost; with its identity, the process comes back as another member."""
        shutil.rmtree(self.store(app), ignore_errors=True)
        if identity_too:
            shutil.rmtree(self.state, ignore_errors=True)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def take_over(self, app, other, partitions, timeout_s, then=lambda: None):
        """`other` dies for good; for how long this one's account stage is without partitions until
        it has all of them, in seconds, and what its log says of it. `then` is called after the
        death."""
        since, killed = len(self.text()), datetime.datetime.now(datetime.timezone.utc)
        other.kill()
        other.wipe(app, identity_too=True)
        then()
        end = time.monotonic() + timeout_s
        while True:
            ours = [t for t in self.text()[since:].splitlines() if '"stage":"account"' in t]
            assigned = [t for t in ours if '"msg":"partition assigned"' in t]
            if len(assigned) >= partitions:
                break
            if time.monotonic() > end:
                raise Failure(f"{self.name} has not taken over: {self.tail()}")
            time.sleep(0.02)
        revoked = [stamp(t) for t in ours if '"msg":"partition revoked"' in t]
        return (stamp(assigned[-1]) - (revoked or [killed])[-1]).total_seconds(), "\n".join(ours)

    def tail(self):
        return self.text()[-TAIL_CHARS:]

    def await_text(self, text, timeout_s, since=0):
        """Waits until the log has `text` (after its first `since` characters)."""
        end = time.monotonic() + timeout_s
        while text not in self.text()[since:]:
            if not self.running():
                raise Failure(f"{self.name} has ended before {text!r}: {self.tail()}")
            if time.monotonic() > end:
                raise Failure(f"{self.name}: no {text!r} within {timeout_s} s: {self.tail()}")
            time.sleep(0.02)
