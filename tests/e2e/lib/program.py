"""The program under test: running it, starting and killing it."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

from lib.avro import ROOT
from lib.kafka import Broker
from lib.tap import Failure, diag, short

FORETELL = os.environ.get("FORETELL") or os.path.join(ROOT, "build/foretell")
MAP = os.path.join(ROOT, "tests/e2e/data/orders.json")
PARTITIONS = 4
DAY_MS = 86400000

# A small history: by data alone, a tick a day. The short wait of a fetch is for the questions
# "where does the log end?", which queue behind it.
HISTORY = ("--inputs", "erp.events", "--clock", "data", "--tick.ms", str(DAY_MS),
           "--kafka.fetch.wait.max.ms", "20")


class Result:
    """How a call ended."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __repr__(self):
        return (f"foretell {' '.join(self.arguments)}: exit code {self.code}\n"
                f"stdout: {short(self.out)}\nstderr: {short(self.err[-1500:])}")


class World:
    """A broker, a folder, and the program with its configuration pointed at them."""

    def __init__(self, broker, folder):
        self.broker, self.folder = broker, folder
        self.processes = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def state_folder(self, app):
        return os.path.join(self.folder, "state", app)

    def environment(self, more=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("FORETELL")}
        env.update(more or {})
        return env

    def command(self, arguments, app):
        more = ["--brokers", self.broker.address, "--state.dir", self.path("state"),
                "--partitions", str(PARTITIONS)]
        return [FORETELL, *arguments, *more, *(["--app", app] if app else [])]

    def bare(self, *arguments, env=None, timeout=60):
        """The program with exactly these arguments."""
        try:
            done = subprocess.run([FORETELL, *arguments], capture_output=True, timeout=timeout,
                                  stdin=subprocess.DEVNULL, env=self.environment(env),
                                  cwd=self.folder, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"foretell {' '.join(arguments)} took longer than {timeout} s; stderr: "
                          f"{(late.stderr or b'')[-1500:]!r}") from None
        return Result(arguments, done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def call(self, *arguments, app=None, code=0, env=None, timeout=60):
        """The program with the test's broker; the exit code must be `code` (None: any)."""
        result = self.bare(*self.command(arguments, app)[1:], env=env, timeout=timeout)
        if code is not None and result.code != code:
            raise Failure(f"exit code {code} expected: {result!r}")
        return result

    def start(self, *arguments, app=None):
        """Starts the program; its stderr goes to a file (`process.log`)."""
        name = self.path(f"log.{len(self.processes)}")
        with open(name, "wb") as log:
            process = subprocess.Popen(self.command(arguments, app), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=self.environment(),
                                       cwd=self.folder)
        process.log = name
        self.processes.append(process)
        return process

    def log_of(self, process):
        with open(process.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def finish(self, process, timeout=60):
        """Waits for its own end; returns the exit code."""
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {timeout} s: {self.log_of(process)[-1500:]}") \
                from None

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()

    # ---- what most tests begin with --------------------------------------------------------

    def create_topics(self, app, *more):
        self.call("topics", "create", "--inputs", "erp.events", *more, app=app)

    def ingest(self, path, app, *more):
        return self.call("ingest", "csv", "--map", MAP, *more, path, app=app)

    def run_history(self, app, *more, code=0, timeout=60):
        return self.call("run", "--until-end", *HISTORY, *more, app=app, code=code,
                         timeout=timeout)


@contextlib.contextmanager
def world():
    """A World in a folder of its own; nothing is left of it."""
    folder = tempfile.mkdtemp(prefix="e2e.")
    try:
        with Broker(folder) as broker:
            made = World(broker, folder)
            try:
                yield made
            finally:
                made.close()
    finally:
        if os.environ.get("E2E_KEEP"):
            diag(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
