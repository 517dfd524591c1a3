#!/usr/bin/env python3
"""foretell webhook against a real HTTP receiver that fails in every way: each alert is taken at
least once, in its account's order, and what can't be delivered is parked, not lost."""

import collections
import http.server
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from standardwebhooks.webhooks import Webhook

from lib.avro import encode
from lib.program import world
from lib.tap import check, diag, run, same, test
from lib.watch import address_of, ask, await_true, promtool

APP = "hooked"
SECRET = "whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
AUTHORIZATION = "Bearer of-news"
SLOW_S = 2.0
RETRY_AFTER_S = 3

Request = collections.namedtuple("Request", "id account revision headers body at answered")


class Receiver:
    """Answers by the account's name, which tells how it fails: NAME-TIMES, TIMES times."""

    def __init__(self, tls=None):
        self.requests, self.lock, self.tries = [], threading.Lock(), collections.Counter()
        self.mended = False  # nobody is refused any more
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        event = json.loads(body)
        account, revision = event["subject"], event["data"]["revision"]
        kind, _, times = account.partition("-")
        with self.lock:
            self.tries[event["id"]] += 1
            fails = not self.mended and self.tries[event["id"]] <= int(times or 0)
        status = getattr(self, f"fail_{kind}")(handler) if fails else 200
        if status == 200:
            self.answer(handler, 200, b"x" * (1 << 20) if kind == "large" else b"")
        with self.lock:
            self.requests.append(Request(event["id"], account, revision, dict(handler.headers),
                                         body, time.monotonic(), status))

    @staticmethod
    def answer(handler, status, body=b"", headers=()):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return status

    def fail_unavailable(self, handler):
        return self.answer(handler, 503)

    def fail_unauthorised(self, handler):
        return self.answer(handler, 401)

    def fail_missing(self, handler):
        return self.answer(handler, 404)

    def fail_refused(self, handler):
        return self.answer(handler, 422, b"no such thing")

    def fail_moved(self, handler):
        return self.answer(handler, 302, headers=[("Location", "/elsewhere")])

    def fail_busy(self, handler):
        return self.answer(handler, 429, headers=[("Retry-After", str(RETRY_AFTER_S))])

    def fail_slow(self, handler):
        time.sleep(SLOW_S)
        return 0

    def fail_reset(self, handler):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
        handler.connection.close()
        return 0

    def fail_garbled(self, handler):
        handler.wfile.write(b"\x00\xff nothing of HTTP\r\n\r\n")
        handler.close_connection = True
        return 0

    def fail_cut(self, handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        handler.close_connection = True
        return 0

    def taken(self):
        """Requests that were answered with 200, in their order."""
        with self.lock:
            return [r for r in self.requests if r.answered == 200]

    def ids(self):
        return collections.Counter(r.id for r in self.taken())


def alert(account, revision=0, historic=False):
    return encode("alert", {
        "alert_id": f"{account}/churn/1", "revision": revision, "account": account,
        "rule": "churn", "status": "UPDATED" if revision else "OPENED", "severity": "HIGH",
        "at_ms": 1700000000000 + revision, "opened_ms": 1700000000000, "probability": 0.875,
        "horizon_days": 90, "margin": 1.5, "base_margin": 0.5, "historic": historic,
        "reasons": [{"code": "silence", "text": "41 Tage still – längst fällig",
                     "contribution": 1.0}]})


def publish(line, *accounts, revision=0, historic=False, app=APP):
    line.broker.produce(f"{app}.alerts",
                        [(a.encode(), alert(a, revision, historic)) for a in accounts])


def command(line, receiver, *more, url=None):
    return ("webhook", "--webhook.url", url or receiver.url, "--webhook.secret.file",
            line.path("secret"), "--webhook.authorization.file", line.path("authorization"),
            "--webhook.timeout.ms", "1000", "--kafka.session.timeout.ms", "6000", *more)


def expect_taken(receiver, ids):
    await_true(f"{sorted(ids)} are taken", lambda: set(receiver.ids()) >= set(ids))


def begin(line):
    for name, text in (("secret", SECRET), ("authorization", AUTHORIZATION)):
        with open(line.path(name), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    line.create_topics(APP)
    line.receiver = Receiver()


KINDS = ("unavailable", "unauthorised", "missing", "moved", "busy", "slow", "reset", "garbled",
         "cut")


@test("an alert arrives as a CloudEvent that an independent library verifies")
def plain(line):
    begin(line)
    publish(line, "plain", "large")
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    same(line.receiver.ids(), {"plain/churn/1/0": 1, "large/churn/1/0": 1}, "taken")
    request = next(r for r in line.receiver.taken() if r.account == "plain")
    headers = {name.lower(): value for name, value in request.headers.items()}
    event = Webhook(SECRET).verify(request.body, headers)
    same((event["specversion"], event["id"], event["source"], event["type"], event["subject"],
          event["time"]), ("1.0", "plain/churn/1/0", f"/foretell/{APP}", "foretell.alert.opened",
                           "plain", "2023-11-14T22:13:20.000Z"), "the event")
    same((event["data"]["probability"], event["data"]["reasons"][0]["text"]),
         (0.875, "41 Tage still – längst fällig"), "its data")
    same((headers["idempotency-key"], headers["authorization"], headers["content-type"]),
         (event["id"], AUTHORIZATION, "application/cloudevents+json; charset=utf-8"), "headers")


@test("a receiver that fails twice in every way takes each alert in the end, none is parked",
      needs=plain)
def failing(line):
    accounts = [f"{kind}-2" for kind in KINDS]
    publish(line, *accounts)
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    ids = [f"{a}/churn/1/0" for a in accounts]
    same({i: line.receiver.ids()[i] for i in ids}, dict.fromkeys(ids, 1), "taken")
    same({i: line.receiver.tries[i] for i in ids}, dict.fromkeys(ids, 3), "tries")
    busy = [r.at for r in line.receiver.requests if r.account == "busy-2"]
    check(all(b - a >= RETRY_AFTER_S - 0.1 for a, b in zip(busy, busy[1:])), "Retry-After", busy)
    same(line.broker.read(f"{APP}.webhook.parked"), [], "parked")


@test("one account's alerts come in order, whatever fails; others are not held up", needs=plain)
def order(line):
    for revision in range(4):
        publish(line, "unavailable-1", revision=revision + 10)
        publish(line, *(f"ok{revision}{i}-0" for i in range(5)))
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    taken = [r.revision for r in line.receiver.taken() if r.account == "unavailable-1"]
    same(taken, [10, 11, 12, 13], "revisions")
    first = next(i for i, r in enumerate(line.receiver.taken()) if r.account == "unavailable-1")
    check(first >= 5, "the others waited for a retry", first)


@test("historic alerts are left out, unless asked for; nulls are passed over", needs=plain)
def historic(line):
    publish(line, "old", historic=True)
    line.broker.produce(f"{APP}.alerts", [(b"gone", None)])
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    check("old/churn/1/0" not in line.receiver.ids(), "it was sent")
    line.call(*command(line, line.receiver, "--until-end", "--historic", "--webhook.name",
                       "historian"), app=APP)
    same(line.receiver.ids()["old/churn/1/0"], 1, "with --historic, and positions of its own")


@test("refused and undecodable alerts are parked with the reason, at once, byte for byte",
      needs=plain)
def parked(line):
    publish(line, "refused-99", "next-0")
    line.broker.produce(f"{APP}.alerts", [(b"broken", b"\x00\x00\x00\x00\x14cut")])
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    records = {r.key: r for r in line.broker.read(f"{APP}.webhook.parked")}
    same(sorted(records), [b"broken", b"refused-99"], "parked")
    same((records[b"refused-99"].value, records[b"refused-99"].headers["reason"],
          records[b"refused-99"].headers["attempts"]),
         (alert("refused-99"), b"HTTP 422", b"1"), "the refused one")
    same(records[b"broken"].value, b"\x00\x00\x00\x00\x14cut", "the broken one")
    check(len(records[b"broken"].headers["reason"]) > 0, "its reason")
    same(line.receiver.ids()["next-0/churn/1/0"], 1, "the next one")


@test("an alert that fails for webhook.retry.max.ms is parked", needs=parked)
def expired(line):
    publish(line, "unavailable-98")
    line.call(*command(line, line.receiver, "--until-end", "--webhook.retry.max.ms", "2s"),
              app=APP)
    record = next(r for r in line.broker.read(f"{APP}.webhook.parked")
                  if r.key == b"unavailable-98")
    same(record.headers["reason"], b"HTTP 503", "reason")
    check(int(record.headers["attempts"]) >= 2, record.headers)


@test("--parked sends what is parked once again, and parks again what is refused again",
      needs=expired)
def again(line):
    line.call(*command(line, line.receiver, "--parked", "--webhook.retry.max.ms", "0"), app=APP)
    same(len(line.broker.read(f"{APP}.webhook.parked")), 6, "parked: three, and again")
    line.receiver.mended = True
    line.call(*command(line, line.receiver, "--parked", "--webhook.retry.max.ms", "0"), app=APP)
    line.receiver.mended = False
    same((line.receiver.ids()["refused-99/churn/1/0"],
          line.receiver.ids()["unavailable-98/churn/1/0"]), (1, 1), "taken")


@test("kill -9 in the middle, again and again: each is taken, what comes twice has the same id",
      needs=plain)
def killed(line):
    accounts = [f"k{i}-0" for i in range(600)] + ["missing-1"]
    publish(line, *accounts[:300])
    killed_count = 0
    for part in range(3):
        process = line.start(*command(line, line.receiver, "--instance", "w1"), app=APP)
        before = len(line.receiver.taken())
        publish(line, *accounts[300 + 100 * part:400 + 100 * part])
        await_true("some are taken", lambda: len(line.receiver.taken()) > before + 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_count += 1
    publish(line, *accounts[600:])
    before = len(line.receiver.taken())
    process = line.start(*command(line, line.receiver, "--instance", "w1", "--http.listen",
                                  "127.0.0.1:0"), app=APP)
    address = address_of(line, process)
    expect_taken(line.receiver, {f"{a}/churn/1/0" for a in accounts})
    # what was sent comes again as long as one before it in its partition waits for another try
    await_true("none waits", lambda: {
        'foretell_webhook_waiting{webhook="default"} 0',
        'foretell_webhook_flying{webhook="default"} 0',
    } <= set(ask(address, "/metrics")[1].splitlines()))
    process.send_signal(signal.SIGTERM)
    same(line.finish(process, 30), 0, "exit code")
    ids = line.receiver.ids()
    diag(f"{killed_count} kills, {sum(ids[f'{a}/churn/1/0'] - 1 for a in accounts)} repeats")
    # what only those had sent that were killed, before a position was kept, may yet come again
    stopped = len(line.receiver.taken())
    own = {r.id for r in line.receiver.taken()[before:]}
    check("missing-1/churn/1/0" in own, "nothing was its own")
    line.call(*command(line, line.receiver, "--until-end", "--instance", "w1"), app=APP)
    again = [r.id for r in line.receiver.taken()[stopped:]]
    diag(f"{len(own)} sent before the clean stop, {len(again)} after it")
    same(own.intersection(again), set(), "what was sent before the clean stop and comes again")


@test("a receiver that is away is waited for; /ready and the metrics tell", needs=plain)
def away(line):
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    dead = f"http://127.0.0.1:{free.getsockname()[1]}/"
    publish(line, "later-0")
    process = line.start(*command(line, line.receiver, "--http.listen", "127.0.0.1:0", url=dead),
                         app=APP)
    address = address_of(line, process)
    await_true("not ready", lambda: ask(address, "/ready")[0] == 503)
    text = ask(address, "/metrics")[1]
    same(promtool("check", "metrics", text=text), (0, ""), "promtool check metrics")
    check('foretell_webhook_waiting{webhook="default"} 1' in text, text)
    same(ask(address, "/health")[0], 200, "/health")
    process.send_signal(signal.SIGTERM)
    same(line.finish(process, 30), 0, "exit code")
    free.close()
    line.call(*command(line, line.receiver, "--until-end"), app=APP)
    same(line.receiver.ids()["later-0/churn/1/0"], 1, "taken")


@test("TLS: taken by a receiver whose authority is known, never sent to one whose isn't",
      needs=plain)
def encrypted(line):
    cert, key = line.path("cert.pem"), line.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    receiver = Receiver(tls=(cert, key))
    publish(line, "sealed-0")
    line.call(*command(line, receiver, "--until-end", "--webhook.retry.max.ms", "0",
                       "--webhook.name", "strange", "--from-end"), app=APP)
    publish(line, "sealed2-0")
    line.call(*command(line, receiver, "--until-end", "--webhook.retry.max.ms", "0",
                       "--webhook.name", "strange"), app=APP)
    same(receiver.ids(), {}, "taken without a known authority")
    reason = [r for r in line.broker.read(f"{APP}.webhook.parked") if r.key == b"sealed2-0"]
    check(b"certificate" in reason[0].headers["reason"], reason)
    line.call(*command(line, receiver, "--until-end", "--webhook.ca.file", cert), app=APP)
    same(receiver.ids(), {"sealed-0/churn/1/0": 1, "sealed2-0/churn/1/0": 1}, "taken")
    receiver.close()


@test("wrong settings are told, with what to do", needs=plain)
def settings(line):
    with open(line.path("short"), "w", encoding="utf-8") as file:
        file.write("whsec_c2hvcnQ=\n")
    url = ("--webhook.url", line.receiver.url)
    for more, code, told in (
            ((), 2, "--webhook.url https://"),
            (("--webhook.url", "ftp://x"), 2, "http(s)://"),
            ((*url, "--webhook.secret.file", line.path("short")), 1, "openssl rand -base64 32"),
            ((*url, "--webhook.secret.file", line.path("none")), 1, "No such file"),
            ((*url, "--app", "nowhere"), 1, "foretell topics create")):
        result = line.call("webhook", *more, app=None if "--app" in more else APP, code=code)
        check(told in result.err, result)
        check("c2hvcnQ" not in result.err, "a secret is shown", result)
    line.receiver.close()


if __name__ == "__main__":
    os.environ.pop("https_proxy", None)
    run(world())
