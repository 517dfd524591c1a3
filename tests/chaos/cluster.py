"""A broker that can be stopped, killed and started again, and a proxy before it for each worker."""

import base64
import functools
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from lib.avro import ROOT
from lib.kafka import Broker

TOXIPROXY = os.path.join(ROOT, "deps/toxiproxy/toxiproxy")
KAFKA, KAFKA_3 = os.path.join(ROOT, "deps/kafka/lib"), os.path.join(ROOT, "deps/kafka-3/lib")
WAIT_S_MAX = 20
INSIST_S_MAX = 120


def free_port(chance=random.SystemRandom()):
    """Below the range that the kernel hands out by itself, so nobody gets it by accident."""
    for _ in range(200):
        port = chance.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port between 20000 and 31999")


class Proxy:
    """toxiproxy with one proxy a name. A context: its process ends with it."""

    def __init__(self, folder):
        self.log = os.path.join(folder, "toxiproxy.log")
        self.port = free_port()
        self.process = None
        self.listens = {}

    @staticmethod
    def available():
        return os.access(TOXIPROXY, os.X_OK)

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [TOXIPROXY, "-host", "127.0.0.1", "-port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + WAIT_S_MAX
        while True:
            try:
                self.ask("GET", "/version")
                return self
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def add(self, name, listen, upstream):
        self.listens[name] = f"127.0.0.1:{listen}"
        self.ask("POST", "/proxies", {"name": name, "listen": self.listens[name],
                                      "upstream": f"127.0.0.1:{upstream}", "enabled": True})

    def cut(self, name):
        """Connections are closed, new ones refused."""
        self.ask("POST", f"/proxies/{name}", {"enabled": False})

    def toxic(self, name, kind, stream, **attributes):
        self.ask("POST", f"/proxies/{name}/toxics", {
            "name": f"{kind}_{stream}", "type": kind, "stream": stream, "attributes": attributes})

    def heal(self, name):
        """As it was: open, and nothing in its way."""
        toxics = json.loads(self.ask("GET", f"/proxies/{name}/toxics"))
        for toxic in toxics:
            try:
                self.ask("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")
            except urllib.error.HTTPError as gone:
                if gone.code != 404:
                    raise
        self.ask("POST", f"/proxies/{name}", {"enabled": True})


def insisting(ask):
    """`ask`, asked again by new clients where it has no answer: brokers come and go here, leaders
    move, and a client may forget its brokers for good (see load.Load)."""
    @functools.wraps(ask)
    def asked(self, *arguments, **more):
        end = time.monotonic() + INSIST_S_MAX
        while True:
            try:
                return ask(self, *arguments, **more)
            except KafkaException:
                if time.monotonic() > end:
                    raise
            self.forget_clients()
            time.sleep(0.2)
    return asked


class Cluster(Broker):
    """A context: one broker in `folder` that listens for each of `names` at a port of its own,
    and tells clients who come there the proxy's address. Without a proxy all share one. One that
    is to be restarted is of a version that ends its transactions then: tools/kafka-3-pom.xml."""

    # Short times, so that what they end is seen within a short test.
    SETTINGS = {
        "log.cleaner.backoff.ms": "500",
        "log.initial.task.delay.ms": "500",
        "log.retention.check.interval.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
    }

    def __init__(self, folder, names=(), proxy=None, restarts=False):
        super().__init__(folder)
        if restarts:
            self.environment = dict(os.environ, KAFKA_LIB=KAFKA_3)
        self.names, self.proxy = names, proxy
        self.port = free_port()
        self.addresses = {}
        self.members = {}  # group: who asks for what it has committed

    @staticmethod
    def can_restart():
        return os.path.isdir(KAFKA_3)

    @functools.cached_property
    def admin(self):
        """One that does not tell of each broker that goes away: here they do so all the time."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def forget_clients(self):
        self.__dict__.pop("admin", None)
        self.members.clear()

    partitions, ends = insisting(Broker.partitions), insisting(Broker.ends)

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        controller = free_port()
        settings = dict(self.SETTINGS)
        listeners = {"PLAINTEXT": (self.port, self.port), "CONTROLLER": (controller, None)}
        if self.proxy is not None:
            for name in self.names:
                own, shown = free_port(), free_port()
                listeners[name.upper()] = own, shown
                self.proxy.add(name, shown, own)
                self.addresses[name] = self.proxy.listens[name]
        settings["controller.quorum.voters"] = f"1@127.0.0.1:{controller}"
        settings["listeners"] = ",".join(
            f"{name}://127.0.0.1:{own}" for name, (own, _) in listeners.items())
        settings["advertised.listeners"] = ",".join(
            f"{name}://127.0.0.1:{shown}" for name, (_, shown) in listeners.items() if shown)
        settings["listener.security.protocol.map"] = ",".join(
            f"{name}:PLAINTEXT" for name in listeners)
        with open(os.path.join(self.folder, "more.properties"), "w", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())
        self.start()
        return self

    def start(self):
        self.address = self.tool("start", "--while", str(os.getpid()), self.folder,
                                 str(self.port))

    def soon(self, *arguments):
        """The tool at work while others go on; returns the process to wait for."""
        return subprocess.Popen([os.path.join(ROOT, "tools/kafka"), *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=self.environment)

    def start_soon(self):
        return self.soon("start", "--while", str(os.getpid()), self.folder, str(self.port))

    def stop_soon(self):
        """By SIGTERM: it hands its logs over in order. Returns what tells whether it has gone."""
        stopping = self.soon("stop", self.folder)
        return lambda: stopping.poll() is not None

    def kill(self):
        """By SIGKILL: what it had not written is what its page cache held, which is kept. Returns
        what tells whether it has gone."""
        with open(os.path.join(self.folder, "kafka.pid"), encoding="utf-8") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGKILL)
        return lambda: not os.path.exists(f"/proc/{pid}")

    @insisting
    def committed(self, group, topic):
        """{partition: what the group has committed there, 0 where nothing}."""
        if group not in self.members:
            self.members[group] = Consumer({
                "bootstrap.servers": self.address, "group.id": group, "log_level": 0,
                "isolation.level": "read_uncommitted"})
        asked = [TopicPartition(topic, partition) for partition in self.partitions(topic)]
        return {position.partition: max(0, position.offset) for position in
                self.members[group].committed(asked, timeout=30)}

    def lag(self, group, topic):
        """What the group has still to commit on a topic without transactions."""
        done = self.committed(group, topic)
        return sum(end - done[partition] for partition, end in
                   self.ends(topic, committed=False).items())

    def producers(self, topic, partition):
        """What Kafka's own tool says of who has a transaction open there."""
        done = subprocess.run(
            ["java", "-Xmx128m", "-cp", os.path.join(KAFKA, "*"),
             "org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server", self.address,
             "describe-producers", "--topic", topic, "--partition", str(partition)],
            capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr

    def address_for(self, name):
        return self.addresses.get(name, self.address)


class Trio(Cluster):
    """A context: three brokers, of which any may be lost at a time: everything has three copies,
    and two must have what is acknowledged. Whoever talks to them talks to all; none has a proxy.
    stop_soon and kill take one after the other, and start_soon brings the last one back."""

    COPIES = {
        "default.replication.factor": "3", "min.insync.replicas": "2",
        "offsets.topic.replication.factor": "3", "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "2", "share.coordinator.state.topic.replication.factor":
        "3", "share.coordinator.state.topic.min.isr": "2",
    }

    def __init__(self, folder):
        super().__init__(folder)
        self.parent, self.ports, self.turn = self.folder, [], 0
        self.environment = dict(os.environ, KAFKA_CLUSTER_ID=base64.urlsafe_b64encode(
            b"c" + os.urandom(15)).decode().rstrip("="))

    def folder_of(self, index):
        return os.path.join(self.parent, str(index + 1))

    def take(self, index):
        """Who is stopped, killed or started."""
        self.folder, self.port = self.folder_of(index), self.ports[index]

    def __enter__(self):
        self.ports = [free_port() for _ in range(3)]
        controllers = [free_port() for _ in range(3)]
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(controllers))
        starting = []
        for index in range(3):
            listeners = (f"PLAINTEXT://127.0.0.1:{self.ports[index]},"
                         f"CONTROLLER://127.0.0.1:{controllers[index]}")
            settings = {**self.SETTINGS, **self.COPIES, "node.id": str(index + 1),
                        "controller.quorum.voters": voters, "listeners": listeners,
                        "advertised.listeners": listeners.split(",")[0]}
            os.makedirs(self.folder_of(index))
            with open(os.path.join(self.folder_of(index), "more.properties"), "w",
                      encoding="utf-8") as file:
                file.writelines(f"{name}={value}\n" for name, value in settings.items())
            self.take(index)
            starting.append(self.start_soon())  # none serves before two are there
        if any(process.wait() for process in starting):
            raise RuntimeError(f"three brokers did not start: {self.parent}")
        self.address = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return self

    def __exit__(self, *_):
        for index in range(3):
            self.take(index)
            self.tool("stop", self.folder)

    def next(self):
        self.take(self.turn % 3)
        self.turn += 1

    def stop_soon(self):
        self.next()
        return super().stop_soon()

    def kill(self):
        self.next()
        return super().kill()
