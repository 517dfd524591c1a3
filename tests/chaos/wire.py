"""A proxy that knows Kafka's frames: it loses one request or one answer of one kind, or gives an
answer of its own, where a proxy for bytes can only cut the line.

A frame is a length (int32) and, in a request, api key (int16), version (int16), correlation id
(int32), client id; in an answer the correlation id. Which answer is whose is told by the id.
"""

import collections
import socket
import struct
import threading

from chaos.cluster import free_port

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT, SYNC_GROUP = 9, 10, 11, 12, 14
INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT = 22, 24, 25, 26, 28
NAMES = {
    PRODUCE: "Produce", FETCH: "Fetch", LIST_OFFSETS: "ListOffsets", METADATA: "Metadata",
    OFFSET_FETCH: "OffsetFetch", FIND_COORDINATOR: "FindCoordinator", JOIN_GROUP: "JoinGroup",
    HEARTBEAT: "Heartbeat", SYNC_GROUP: "SyncGroup", INIT_PRODUCER_ID: "InitProducerId",
    ADD_PARTITIONS: "AddPartitionsToTxn", ADD_OFFSETS: "AddOffsetsToTxn", END_TXN: "EndTxn",
    TXN_OFFSET_COMMIT: "TxnOffsetCommit"}
# From this version on an answer's header has tagged fields.
FLEXIBLE_FROM = {HEARTBEAT: 4, ADD_OFFSETS: 3, END_TXN: 3}
# Error codes of Kafka.
COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID = 22, 25
INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS = 47, 48, 51
FENCED_INSTANCE_ID, PRODUCER_FENCED = 82, 90
FRAME_MAX = 64 << 20


def take_varint(frame, at):
    """(an unsigned number of seven bits a byte, where it ends)"""
    value = shift = 0
    while True:
        byte = frame[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def take_text(frame, at):
    """Where a text with its length + 1 before it ends; 0: none."""
    size, at = take_varint(frame, at)
    return at + max(0, size - 1)


def without_brokers(version, frame):
    """An answer to METADATA with no broker in it, and no controller."""
    assert version >= 9, "an answer with tagged fields"
    begin = 4 + 1 + 4  # correlation, tags, throttle time
    count, at = take_varint(frame, begin)
    for _ in range(count - 1):
        at = take_text(frame, at + 4)       # id, host
        at = take_text(frame, at + 4)       # port, rack
        _, at = take_varint(frame, at)      # tags: none
    cluster = frame[at:take_text(frame, at)]
    return frame[:begin] + b"\1" + cluster + struct.pack(">i", -1) + frame[at + len(cluster) + 4:]


class Rule:
    """What happens to the frames of one api key.

    kind: "lose-request"  the broker never sees it, and no answer comes
          "lose-answer"   the broker does it, and no answer comes
          "cut-request"   as these, and the connection is closed at once
          "cut-answer"
          "answer"        the broker never sees it; `code` is the answer
          "replace"       the broker does it; `code` is the answer (only END_TXN, ADD_OFFSETS,
                          HEARTBEAT have answers that are simple enough for these two)
          "no-brokers"    the answer is METADATA's of a cluster that knows of no broker, as one has
                          it whose only broker was fenced for a moment
    within: bytes that the request must hold, such as the name of a group or transactional id.
    """

    def __init__(self, api, kind, times=1, after=0, within=b"", code=0):
        self.api, self.kind, self.times, self.after = api, kind, times, after
        self.within, self.code = within, code
        self.hit_count = 0
        self.hit = threading.Event()


class WireProxy:
    """A context: listens at `address`, forwards to 127.0.0.1:`port`. Threads: one a direction of
    each connection."""

    def __init__(self, listen, port):
        self.listen_port, self.port = listen, port
        self.address = f"127.0.0.1:{listen}"
        self.lock = threading.Lock()
        self.rules = []
        self.seen = collections.Counter()
        self.open = set()
        self.refusing = False
        self.closed = False

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", self.listen_port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed = True
        self.server.close()
        self.cut()

    def refuse(self, refusing):
        """Whether the network is down: every connection is closed, new ones at once."""
        self.refusing = refusing
        if refusing:
            self.cut()

    def cut(self):
        """Closes every connection; new ones are taken."""
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            connection.close()

    def add(self, rule):
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self):
        with self.lock:
            self.rules.clear()

    def match(self, api, frame):
        with self.lock:
            self.seen[api] += 1
            for rule in self.rules:
                if rule.api != api or rule.within not in frame:
                    continue
                if rule.after > 0:
                    rule.after -= 1
                    continue
                if rule.times > 0:
                    rule.times -= 1
                    rule.hit_count += 1
                    rule.hit.set()
                    return rule
        return None

    def accept(self):
        while not self.closed:
            try:
                client, _ = self.server.accept()
                if self.refusing:
                    client.close()
                    continue
                broker = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            except OSError:
                if self.closed:
                    return
                client.close()  # the broker is down: so is this
                continue
            broker.settimeout(None)
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client, broker)
            with self.lock:
                self.open.add(connection)
            connection.start()

    def forget(self, connection):
        with self.lock:
            self.open.discard(connection)


class Connection:
    """One client and its way to the broker."""

    def __init__(self, proxy, client, broker):
        self.proxy, self.client, self.broker = proxy, client, broker
        self.waiting = {}  # correlation id: (api, version, rule or None)
        self.writing = threading.Lock()

    def start(self):
        for run in (self.requests, self.answers):
            threading.Thread(target=self.guard, args=(run,), daemon=True).start()

    def guard(self, run):
        try:
            run()
        except OSError:
            pass
        self.close()

    def close(self):
        for end in (self.client, self.broker):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.proxy.forget(self)

    @staticmethod
    def read(end):
        """The next frame without its length."""
        head = Connection.read_exactly(end, 4)
        size = struct.unpack(">i", head)[0]
        if not 0 < size <= FRAME_MAX:
            raise OSError("no frame")
        return Connection.read_exactly(end, size)

    @staticmethod
    def read_exactly(end, size):
        parts = bytearray()
        while len(parts) < size:
            part = end.recv(min(size - len(parts), 1 << 18))
            if not part:
                raise OSError("closed")
            parts += part
        return bytes(parts)

    def write_client(self, frame):
        with self.writing:
            self.client.sendall(struct.pack(">i", len(frame)) + frame)

    def requests(self):
        while True:
            frame = self.read(self.client)
            api, version, correlation = struct.unpack(">hhi", frame[:8])
            rule = self.proxy.match(api, frame)
            if rule is None or rule.kind in ("lose-answer", "cut-answer", "replace", "no-brokers"):
                # acks=0 does not occur here, so each request has its answer.
                self.waiting[correlation] = api, version, rule
                self.broker.sendall(struct.pack(">i", len(frame)) + frame)
            elif rule.kind == "cut-request":
                return
            elif rule.kind == "answer":
                self.write_client(self.error_answer(api, version, correlation, rule.code))

    def answers(self):
        while True:
            frame = self.read(self.broker)
            correlation = struct.unpack(">i", frame[:4])[0]
            api, version, rule = self.waiting.pop(correlation, (None, None, None))
            if rule is None:
                self.write_client(frame)
            elif rule.kind == "cut-answer":
                return
            elif rule.kind == "replace":
                self.write_client(self.error_answer(api, version, correlation, rule.code))
            elif rule.kind == "no-brokers":
                self.write_client(without_brokers(version, frame))

    @staticmethod
    def error_answer(api, version, correlation, code):
        """throttle time and error code: all that these three answers hold."""
        flexible = version >= FLEXIBLE_FROM[api]
        if api == HEARTBEAT and version == 0:
            return struct.pack(">ih", correlation, code)
        return struct.pack(">i", correlation) + (b"\0" if flexible else b"") + \
            struct.pack(">ih", 0, code) + (b"\0" if flexible else b"")
