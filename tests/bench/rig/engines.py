"""The programs that are measured, each a process with a log."""

import glob
import os
import shutil
import signal
import subprocess
import time

from rig.places import OUT, PEERS, PROGRAMS, ROOT

STOP_S_MAX = 60
CHECK_S_MAX = 400
JAVA_HEAP = ["-Xms1g", "-Xmx1g", "-XX:+UseParallelGC"]
JAVA_QUIET = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


class Failed(Exception):
    """A program that did not do what it was asked."""


def run(command, name, timeout=CHECK_S_MAX):
    """Runs a program to its end; its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise Failed(f"{name}: exit code {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout.strip()


class Engine:
    """A running engine. `app` names its group, topics and state; a fresh one for each run."""

    name = ""

    def __init__(self, broker, app, topic):
        self.broker = broker
        self.app = app
        self.topic = topic
        self.state = os.path.join(OUT, "state", app)
        self.log_path = os.path.join(OUT, "log", f"{app}.log")
        self.process = None

    def command(self):
        raise NotImplementedError

    def group(self):
        raise NotImplementedError

    def make_topics(self):
        raise NotImplementedError

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        os.makedirs(self.state, exist_ok=True)
        os.makedirs(os.path.dirname(self.log_path), exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=ROOT,
                                            start_new_session=True)

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks it to end and waits: foretell publishes its states then."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} does not stop; see {self.log_path}") from None

    def lose_state(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def clean(self):
        """Leaves nothing of the run behind, on the broker or on disk."""
        if self.running():
            self.kill()
        self.lose_state()
        self.broker.delete(self.app)


class Foretell(Engine):
    """The reference job on foretell's runtime, at its shipped defaults unless told."""

    name = "foretell"

    def __init__(self, broker, app, topic, workers=1, **options):
        super().__init__(broker, app, topic)
        self.workers = workers
        self.options = options

    def group(self):
        return f"{self.app}.reference"

    def alerts(self):
        return f"{self.app}.reference.alerts"

    def make_topics(self):
        compacted = [f"{self.app}.reference.{t}" for t in ("states", "meta")]
        self.broker.create(self.alerts(), f"{self.app}.dlq", *compacted, compacted=compacted)

    def command(self):
        return [os.path.join(PROGRAMS, "bench_worker"), f"topic={self.topic}",
                f"kafka.bootstrap.servers={self.broker.address}", f"app.id={self.app}",
                f"state.dir={self.state}", f"workers={self.workers}",
                *(f"{name}={value}" for name, value in self.options.items())]

    def lose_store(self):
        """The states go, the process's name stays: it is beside the store."""
        shutil.rmtree(os.path.join(self.state, self.app))

    def verify(self, expected):
        """Byte for byte against a plain replay. Call after stop()."""
        return run([os.path.join(PROGRAMS, "bench_oracle"), f"brokers={self.broker.address}",
                    f"app={self.app}", f"keep={expected.c_path}", *expected.foretell()],
                   "bench_oracle")


class Ceiling(Engine):
    """Consuming and decoding only."""

    name = "ceiling"

    def group(self):
        return self.app

    def make_topics(self):
        pass

    def command(self):
        return [os.path.join(PROGRAMS, "bench_ceiling"), f"topic={self.topic}",
                f"brokers={self.broker.address}", f"group={self.app}"]


def compile_peer(peer):
    """The class path of a peer, compiled from tests/bench/peers."""
    jars = os.path.join(ROOT, "deps/bench", peer, "lib", "*")
    classes = os.path.join(OUT, "classes", peer)
    shutil.rmtree(classes, ignore_errors=True)
    os.makedirs(classes)
    sources = [s for folder in ("common", peer)
               for s in sorted(glob.glob(os.path.join(PEERS, folder, "*.java")))]
    run(["javac", "-nowarn", "-proc:none", "-cp", jars, "-d", classes, *sources], "javac")
    return f"{classes}:{jars}"


class Streams(Engine):
    """The reference job on Kafka Streams."""

    name = "streams"
    classes = None  # the class path

    def __init__(self, broker, app, topic, workers=1, **options):
        super().__init__(broker, app, topic)
        self.options = {"threads": workers, **options}

    def group(self):
        return self.app

    def alerts(self):
        return f"{self.app}.alerts"

    def make_topics(self):
        self.broker.create(self.alerts())

    def command(self):
        properties = {"brokers": self.broker.address, "app": self.app, "input": self.topic,
                      "alerts": self.alerts(), "state": self.state, **self.options}
        return ["java", *JAVA_HEAP, *JAVA_QUIET, "-cp", Streams.classes,
                *(f"-D{name}={value}" for name, value in properties.items()),
                "peer.ChurnStreams"]

    def verify(self, expected):
        return verify_java(self.broker, expected, f"{self.app}-acct-changelog", self.alerts())


class Flink(Engine):
    """The reference job on Flink, in one process."""

    name = "flink"
    classes = None  # the class path
    SETTLE_S = 2  # the sink's transaction may be committed a little after the source's offsets
    JAVA = ["-XX:MaxDirectMemorySize=1g", "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED"]

    def __init__(self, broker, app, topic, workers=1, **options):
        super().__init__(broker, app, topic)
        self.options = {"threads": workers, **options}

    def group(self):
        return self.app

    def alerts(self):
        return f"{self.app}.alerts"

    def make_topics(self):
        self.broker.create(self.alerts())

    def command(self):
        for folder in ("checkpoints", "rocksdb", "tmp"):
            os.makedirs(os.path.join(self.state, folder), exist_ok=True)
        properties = {"brokers": self.broker.address, "app": self.app, "input": self.topic,
                      "alerts": self.alerts(), "state": self.state, **self.options}
        return ["java", *JAVA_HEAP, *Flink.JAVA, *JAVA_QUIET, "-cp", Flink.classes,
                *(f"-D{name}={value}" for name, value in properties.items()), "peer.ChurnFlink"]

    def kill(self):
        time.sleep(Flink.SETTLE_S)
        super().kill()

    def verify(self, expected):
        """The alerts only: Flink keeps its states to itself."""
        return verify_java(self.broker, expected, "-", self.alerts())


def verify_java(broker, expected, states, alerts):
    command = ["java", "-Xmx4g", *JAVA_QUIET, "-cp", Streams.classes or Flink.classes,
               "peer.Verify", broker.address]
    if not os.path.exists(expected.java_path):
        run([*command, "expect", expected.topic, expected.java_path], "Verify expect")
    return run([*command, "check", expected.java_path, states, alerts], "Verify check")


class Expected:
    """A topic of events of the reference job, and what a plain replay of it comes to."""

    def __init__(self, broker, topic, events, accounts=100000, first_pass=False):
        self.broker = broker
        self.topic = topic
        self.events = events
        self.accounts = accounts
        self.first_pass = first_pass
        self.c_path = os.path.join(OUT, f"{topic}.expected.c")
        self.java_path = os.path.join(OUT, f"{topic}.expected.java")

    def arguments(self):
        return [f"accounts={self.accounts}", f"first_pass={int(self.first_pass)}"]

    def foretell(self):
        return [f"events={self.events}", *self.arguments()]

    def clean(self):
        for path in (self.c_path, self.java_path):
            if os.path.exists(path):
                os.remove(path)

    def load(self):
        """Makes and fills the topic; says how long it took."""
        self.broker.create(self.topic)
        self.clean()
        began = time.monotonic()
        run([os.path.join(PROGRAMS, "bench_load"), f"brokers={self.broker.address}",
             f"topic={self.topic}", f"events={self.events}", *self.arguments()], "bench_load")
        have = self.broker.count(self.topic)
        if have != self.events:
            raise Failed(f"{self.topic} holds {have} events, not {self.events}")
        return time.monotonic() - began
