#!/usr/bin/env python3
"""The HTTP door, knocked at by curl, the CloudEvents SDK and the Standard Webhooks library; what
was taken is read by confluent-kafka."""

import collections
import concurrent.futures
import datetime
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook

from lib.avro import ROOT
from lib.kafka import decoded
from lib.program import FORETELL, world
from lib.tap import check, diag, run, same, test
from lib.watch import await_true, metrics, promtool, value

TOPICS = ("crm.events", "erp.events", "iot.events", "marketing.events", "support.events",
          "content.events", "market.events")
TOKEN, SECRET = "a-token-of-some-length", "whsec_" + "c2VjcmV0IG9mIHNvbWUgbGVuZ3Ro"
CLOUD, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
WAIT_S = 40


class Door:
    """A running door and how to ask it."""

    def __init__(self, line, *flags, scheme="http"):
        self.line, self.scheme = line, scheme
        self.process = line.start("serve", "--serve.listen", "127.0.0.1:0", "--http.listen",
                                  "127.0.0.1:0", *flags)
        said = await_true("it listens", self.addresses, WAIT_S)
        self.address, self.watch = said

    def addresses(self):
        found = {}
        for text in self.line.log_of(self.process).splitlines():
            if text.startswith("{") and '"address"' in text:
                row = json.loads(text)
                found[row["msg"]] = row["address"]
        check(self.process.poll() is None, self.line.log_of(self.process))
        return (found["the door is open"], found["serving metrics, health and readiness"]) if \
            len(found) == 2 else None

    def post(self, path, body, headers, timeout=30):
        """(status, answer, headers)"""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.scheme}://{self.address}{path}", data=data,
                                         headers=headers)
        context = ssl._create_unverified_context() if self.scheme == "https" else None
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as answer:
            return answer.code, json.loads(answer.read() or b"{}"), answer.headers

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.watch}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return text, metrics(text)

    def end(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        same(self.line.finish(self.process), code, self.line.log_of(self.process))


def event(number, **more):
    return {"specversion": "1.0", "id": f"i{number}", "source": "test", "type": "erp.order",
            "subject": f"c{number % 17}", "time": "2024-05-31T12:00:00Z",
            "data": {"amount_minor": number, "currency": "EUR",
                     "payload": {"order": {"order_id": f"O-{number}"}}}, **more}


def taken(line, topic="erp.events"):
    """{event id: how often it lies on the topic}"""
    return collections.Counter(r.value["event_id"] for r in decoded(line.broker.read(topic))
                               if r.value.schema != "control")


def one(line, event_id, topic="erp.events"):
    return next(r for r in decoded(line.broker.read(topic)) if r.value["event_id"] == event_id)


@test("curl: structured, batch and binary mode, plain events, a webhook by a mapping")
def curl(line):
    line.call("topics", "create", "--inputs", ",".join(TOPICS))
    door = Door(line, "--serve.hooks", os.path.join(ROOT, "mappings"))
    line.door = door

    def ask(path, body, *headers):
        result = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", f"http://{door.address}{path}", "-d",
             json.dumps(body), *(part for h in headers for part in ("-H", h))],
            capture_output=True, text=True, timeout=30, check=True)
        text, status = result.stdout.rsplit("\n", 1)
        return int(status), json.loads(text)

    done = {"accepted": 1, "repeated": 0}
    same(ask("/events", event(1), f"content-type: {CLOUD}; charset=utf-8"), (202, done), "one")
    same(ask("/events", [event(2), event(3, type="crm.activity.call", data=None)],
             f"content-type: {BATCH}"), (202, {"accepted": 2, "repeated": 0}), "batch")
    same(ask("/events", {"amount_minor": 7, "currency": "EUR"}, "content-type: application/json",
             "ce-specversion: 1.0", "ce-id: b1", "ce-source: t%C3%A9st", "ce-type: erp.return",
             "ce-subject: K%C3%B8", "ce-dataschema: 2.1",
             "ce-traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
         (202, done), "binary")
    same(ask("/events/support.events", {"event_id": "p1", "source": "desk", "type": "my.own.word",
                                        "subject": "7", "event_ms": 1717149600000},
             "content-type: application/json"), (202, done), "plain")
    same(ask("/hooks/shop", [{"event": "h1", "kind": "sale", "order": "O-9", "total": 19.99,
                              "currency": "EUR", "placed_at": "2024-05-31T12:00:00+02:00",
                              "customer": {"number": 4711, "mail": "a@b.de"}}],
             "content-type: application/json"), (202, done), "webhook")
    got = one(line, "i1")
    same((got.key, got.value["event_ms"], got.value["amount_minor"],
          got.value["payload"]["order"]["order_id"]), (b"c1", 1717156800000, 1, "O-1"), "one")
    check(got.value["received_ms"] > 1717156800000, "received", got.value)
    same(one(line, "i3", "crm.events").value["type"], "crm.activity.call", "batch by type")
    got = one(line, "b1").value
    same((got["source"], got["subject"], got["data_version"], got["trace_id"]),
         ("tést", "Kø", "2.1", "0af7651916cd43dd8448eb211c80319c"), "binary")
    same(one(line, "p1", "support.events").value["type"], "my.own.word", "plain")
    got = one(line, "h1").value
    same((got["amount_minor"], got["identifiers"]),
         (1999, [{"scheme": "email", "value": "a@b.de"}]), "webhook")


@test("the CloudEvents SDK: binary and structured mode", needs=curl)
def sdk(line):
    made = CloudEvent(
        attributes={"id": "sdk-1", "source": "sdk", "type": "iot.reading", "subject": "SN 1 %",
                    "datacontenttype": "application/json", "specversion": "1.0",
                    "time": datetime.datetime(2024, 5, 31, 12, tzinfo=datetime.timezone.utc)},
        data={"name": "load", "value": 1.5, "unit": "KWT", "attrs": {"site": "Köln"}})
    again = CloudEvent(attributes={**made.get_attributes(), "id": "sdk-2"}, data=made.get_data())
    for message in (to_binary_event(made), to_structured_event(again)):
        same(line.door.post("/events", message.body, message.headers)[:2],
             (202, {"accepted": 1, "repeated": 0}), message)
    for name in ("sdk-1", "sdk-2"):
        got = one(line, name, "iot.events").value
        same((got["subject"], got["event_ms"], got["value"], got["attrs"]),
             ("SN 1 %", 1717156800000, 1.5, {"site": "Köln"}), name)


@test("what can't be taken is told to the sender, by field; nothing of the request is written",
      needs=curl)
def refused(line):
    before = sum(taken(line).values())
    cases = [
        (event(10, type="erp.ordr"), 422, "type", 'did you mean "erp.order"'),
        (event(10, specversion="0.3"), 400, "specversion", '"1.0"'),
        (event(10, time="yesterday"), 400, "time", "RFC 3339"),
        (event(10, subject=""), 400, "subject", "missing"),
        (event(10, data={"amount_minor": "5"}), 422, "amount_minor", "expected an integer"),
        (event(10, data={"amount_minor": 5}), 422, "", "currency"),
        (event(10, data={"payload": {"order": {}}}), 422, "payload.order.order_id", "missing"),
        (event(10, data={"payload": {"order": {"order_id": "1", "line_count": 1.5}}}), 422,
         "payload.order.line_count", "found a fraction"),
        (event(10, data={"payload": {"invoice": {"invoice_id": "1"}}}), 422, "payload.invoice",
         "erp.order has the block order"),
        (event(10, data={"identifiers": [{"scheme": "email"}]}), 422, "identifiers[0].value",
         "missing"),
        (event(10, data={"subject": "x"}), 422, "subject", "elsewhere"),
        (event(10, id="x" * 200), 422, "", "event_id has 200 bytes"),
        (event(10, subject="n/a", data={"subject_scheme": "email"}), 422, "", "a mail address"),
        (event(10, datacontenttype="text/xml"), 415, "datacontenttype", "application/json"),
        (event(10, data_base64="AA=="), 415, "data_base64", "JSON"),
    ]
    for body, status, field, words in cases:
        got = line.door.post("/events", body, {"content-type": CLOUD})
        same((got[0], got[1]["errors"][0]["field"]), (status, field), got[:2])
        check(words in got[1]["errors"][0]["reason"], words, got[1])
        same(got[2]["content-type"], "application/problem+json", "type")
    got = line.door.post("/events", [event(11), event(12, type="x"), event(13, id=None)],
                         {"content-type": BATCH})
    same((got[0], got[1]["error_count"], [e["index"] for e in got[1]["errors"]]), (422, 2, [1, 2]),
         got[1])
    same(line.door.post("/events", b"{", {"content-type": CLOUD})[0], 400, "no JSON")
    got = line.door.post("/events", b"", {"content-type": CLOUD})
    check(got[0] == 400 and "no body" in got[1]["errors"][0]["reason"], got)
    same(line.door.post("/events", b"{}", {"content-type": "text/plain"})[0], 415, "a text")
    same(line.door.post("/events/x.events", event(1), {"content-type": CLOUD})[0], 404, "topic")
    same(line.door.post("/events/crm.events", event(1), {"content-type": CLOUD})[0], 422, "source")
    got = line.door.post("/hooks/shop", {"kind": "sale"}, {"content-type": "application/json"})
    check(got[0] == 422 and "placed_at" in got[1]["errors"][0]["reason"], got)
    large = event(10, data={"payload": {"order": {"order_id": "x" * 65000}}})
    got = line.door.post("/events", large, {"content-type": CLOUD})
    check(got[0] == 422 and "longer than 64507 bytes" in got[1]["errors"][0]["reason"], got)
    with open(line.path("large"), "wb") as file:
        file.write(b" " * (1 << 20) + b"x")
    # The refusal may come before the body is sent; curl hears it all the same.
    got = subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "-H",
                          f"content-type: {CLOUD}", "--data-binary", f"@{line.path('large')}",
                          f"http://{line.door.address}/events"], capture_output=True, text=True,
                         timeout=30, check=False)
    same(got.stdout, "413", got)
    got = line.door.post("/events", [event(n) for n in range(1001)], {"content-type": BATCH})
    check(got[0] == 413 and "1000" in got[1]["errors"][0]["reason"], got[:2])
    same(sum(taken(line).values()), before, "events on the topic")


@test("a repeated event is answered and not written again; the counters tell", needs=refused)
def repeated(line):
    for accepted in (2, 0):
        same(line.door.post("/events", [event(20), event(21)], {"content-type": BATCH})[:2],
             (202, {"accepted": accepted, "repeated": 2 - accepted}), "answer")
    same((taken(line)["i20"], taken(line)["i21"]), (1, 1), "on the topic")
    text, families = line.door.metrics()
    same(promtool("check", "metrics", text=text), (0, ""), text)
    same(value(families, "foretell_door_repeated_total"), 2, "repeated")
    same(value(families, "foretell_door_events_total", topic="erp.events"),
         sum(taken(line).values()), "events")
    check(value(families, "foretell_door_requests_total", status="422") > 5, "refused")
    same(value(families, "foretell_door_pending_events"), 0, "pending")
    line.door.end()


def keys_file(line):
    path = line.path("keys.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"crm": {"token": TOKEN, "topics": ["crm.events", "erp.events"]},
                   "shop": {"secret": SECRET},
                   "slow": {"token": TOKEN + "-slow", "events_per_second": 5}}, file)
    return path


@test("TLS, tokens, signatures with their time, rates: who may, and who is told what", needs=curl)
def keys(line):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", line.path("key.pem"),
                    "-out", line.path("cert.pem"), "-days", "2", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    door = Door(line, "--serve.keys", keys_file(line), "--serve.tls.certificate",
                line.path("cert.pem"), "--serve.tls.key", line.path("key.pem"), scheme="https")

    def with_token(token, body, path="/events"):
        return door.post(path, body, {"content-type": CLOUD, "authorization": f"Bearer {token}"})

    same(with_token(TOKEN, event(30))[0], 202, "a token")
    got = door.post("/events", event(31), {"content-type": CLOUD})
    check(got[0] == 401 and got[2]["www-authenticate"].startswith("Bearer"), got)
    same(with_token(TOKEN + "x", event(31))[0], 401, "a wrong token")
    same(with_token(TOKEN, event(31, type="iot.reading", data=None))[0], 403, "another topic")
    same(with_token(TOKEN, event(31), "/events/iot.events")[0], 403, "another topic's path")

    body = json.dumps(event(32))
    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(at, text=body, sent=body, secret=SECRET):
        return door.post("/events", sent.encode(), {
            "content-type": CLOUD, "webhook-id": "m1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": "v1,AAAA " + Webhook(secret).sign("m1", at, text)})

    same(signed(now)[0], 202, "signed")
    same(signed(now, sent=json.dumps(event(33)))[0], 401, "another body")
    same(signed(now, secret="whsec_" + "b3RoZXIgc2VjcmV0IG9mIGxlbmd0aA==")[0], 401, "a wrong key")
    for minutes in (-6, 6):
        got = signed(now + datetime.timedelta(minutes=minutes))
        check(got[0] == 401 and "five minutes" in got[1]["detail"], got)

    slow = [with_token(TOKEN + "-slow", event(n))[:3] for n in range(40, 52)]
    late = [answer for answer in slow if answer[0] == 429]
    check(late and int(late[0][2]["retry-after"]) >= 1, [answer[0] for answer in slow])
    check(sum(answer[0] == 202 for answer in slow) >= 5, [answer[0] for answer in slow])

    plain = subprocess.run(["curl", "-s", "-m", "5", f"http://{door.address}/events"],
                           capture_output=True, check=False)
    check(plain.returncode != 0, "plain HTTP on a TLS port was answered", plain)
    done = subprocess.run(["curl", "-s", "--cacert", line.path("cert.pem"), "--connect-to",
                           f"localhost:{door.address.split(':')[1]}:{door.address}",
                           f"https://localhost:{door.address.split(':')[1]}/ready"],
                          capture_output=True, text=True, check=False)
    same(done.stdout, "ok\n", "curl by the certificate")
    door.end()
    same({n: taken(line)[n] for n in ("i30", "i31", "i32", "i33")},
         {"i30": 1, "i31": 0, "i32": 1, "i33": 0}, "what was taken")


@test("what can't be served is refused at the start, with what to do")
def wrong_start(line):
    with open(line.path("short.json"), "w", encoding="utf-8") as file:
        json.dump({"a": {"token": "short"}}, file)
    for flags, words in [
            (("--serve.listen", "0.0.0.0:0"), "serve.keys"),
            (("--serve.keys", line.path("short.json")), "at least 16"),
            (("--serve.tls.key", "/dev/null"), "PEM"),
            (("--serve.hooks", line.path("nowhere")), "serve.hooks"),
            (("--serve.listen", "nonsense"), "host:port")]:
        result = line.bare("serve", "--serve.listen", "127.0.0.1:0", *flags)
        check(result.code in (1, 2) and words in result.err, words, result)


@test("larger than its topic takes: refused for good, with the bound, not to be sent again",
      needs=curl)
def too_large_for_topic(line):
    line.broker.alter("market.events", "max.message.bytes", "1000")
    door = Door(line)

    def index(number, length):
        return event(number, type="market.price.index", subject="DE", data={
            "subject_scheme": "region", "value": 101.5,
            "attrs": {"note": "x" * length, "more": "x" * length}})

    for body, kind in ((index(70, 500), CLOUD), ([index(71, 10), index(72, 500)], BATCH)):
        got = door.post("/events", body, {"content-type": kind})
        same((got[0], got[1]["error_count"], "retry-after" in got[2]), (422, 1, False), got)
        reason = got[1]["errors"][0]["reason"]
        check("market.events, which takes 1000 (max.message.bytes)" in reason, got[1])
    same(door.post("/events", index(71, 10), {"content-type": CLOUD})[0], 202, "a small one")
    door.end()
    same(taken(line, "market.events"), {"i71": 1}, "on the topic")


@test("slow and broken clients hold up nobody", needs=curl)
def broken_clients(line):
    door = Door(line)
    host, port = door.address.split(":")
    sockets = []
    for text in (b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n{",
                 b"POST /events HTT", b"\x00\xff\x16\x03garbage\r\n\r\n",
                 b"POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        for _ in range(10):
            made = socket.create_connection((host, int(port)))
            made.sendall(text)
            sockets.append(made)
    same(door.post("/events", event(60), {"content-type": CLOUD})[0], 202, "among them")
    for made in sockets:
        made.close()
    crowd(door, host, port)
    door.end()


def crowd(door, host, port):
    """More large bodies at once than there is room for, each let in while there was."""
    body, sockets = b"[" + b" " * ((1 << 20) - 3) + b"x]", []
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" \
           b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(80):
        made = socket.create_connection((host, int(port)))
        made.sendall(head + body[:1])
        sockets.append(made)
    await_true("all are let in", lambda: value(door.metrics()[1], "foretell_door_body_bytes")
               >= 80 << 14)
    for made in sockets:
        made.sendall(body[1:-1])
    held, since = 0, time.monotonic()
    while held < 56 << 20 or time.monotonic() - since < 2:  # until it is read, as it comes to rest
        now = value(door.metrics()[1], "foretell_door_body_bytes")
        check(now <= 64 << 20, "more than there is room for", now)
        held, since = now, since if now == held else time.monotonic()
        time.sleep(0.1)
    statuses = collections.Counter()
    for made in sockets:
        made.sendall(body[-1:])
        statuses[made.recv(12)[9:12]] += 1
        made.close()
    check(statuses[b"429"] > 0 and statuses[b"400"] > 0 and len(statuses) == 2, statuses)
    same(door.post("/events", event(61), {"content-type": CLOUD})[0], 202, "afterwards")


@test("killed with requests under way, senders try again: nothing acknowledged is lost", needs=curl)
def killed(line):
    acknowledged, written = set(), 300
    door = Door(line)

    def send(number):
        """One sender: the same request until it is answered with 202."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if door.post("/events", event(1000 + number), {"content-type": CLOUD},
                             timeout=10)[0] == 202:
                    acknowledged.add(f"i{1000 + number}")
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.1)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(send, number) for number in range(written)]
        await_true("some are taken", lambda: len(acknowledged) > 30)
        door.process.send_signal(signal.SIGKILL)
        line.finish(door.process)
        had = set(acknowledged)
        got = taken(line)
        same([name for name in had if got[name] == 0], [], "acknowledged, but lost")
        again = Door(line)
        door.address, door.watch, door.process = again.address, again.watch, again.process
        concurrent.futures.wait(sent)
    got = taken(line)
    same(len(acknowledged), written, "acknowledged in the end")
    same([n for n in range(written) if got[f"i{1000 + n}"] == 0], [], "lost")
    diag(f"{len(had)} acknowledged before the kill; "
         f"{sum(got[f'i{1000 + n}'] - 1 for n in range(written))} written twice, under their ids")
    door.end()


@test("the broker away: 503 or 429 with a time, none of it acknowledged; back again: all taken",
      needs=killed)
def broker_away(line):
    door = Door(line, "--serve.ack.ms", "3000", "--serve.pending", "1000")
    line.broker.tool("stop", line.broker.folder)
    batches = [[event(5000 + 500 * b + n) for n in range(500)] for b in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda b: door.post("/events", b, {"content-type": BATCH}),
                                batches))
    statuses = collections.Counter(a[0] for a in answers)
    check(set(statuses) <= {429, 503} and statuses[503] > 0 and statuses[429] > 0, statuses)
    check(all(int(a[2]["retry-after"]) >= 1 for a in answers), "no time to come back")
    with urllib.request.urlopen(f"http://{door.watch}/health", timeout=10) as answer:
        same(answer.status, 200, "health")
    try:
        urllib.request.urlopen(f"http://{door.address}/ready", timeout=10)
        check(False, "ready without a broker")
    except urllib.error.HTTPError as answer:
        same(answer.code, 503, "ready")
    line.broker.address = line.broker.tool("start", "--while", str(os.getpid()),
                                           line.broker.folder,
                                           line.broker.address.split(":")[1])

    def until_taken(batch):
        return await_true("taken", lambda: door.post(
            "/events", batch, {"content-type": BATCH})[0] == 202, 60)

    for batch in batches:
        until_taken(batch)
    got = taken(line)
    same([b["id"] for batch in batches for b in batch if got[b["id"]] == 0], [], "lost")
    diag(f"answers while it was away: {dict(statuses)}")
    door.end()


@test("SIGTERM while requests come in: who was told 202 was taken", needs=broker_away)
def graceful(line):
    door = Door(line)
    told = set()

    def send(number):
        try:
            if door.post("/events", event(9000 + number), {"content-type": CLOUD},
                         timeout=20)[0] == 202:
                told.add(f"i{9000 + number}")
        except (OSError, ValueError):
            pass

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number in range(400):
            pool.submit(send, number)
        await_true("some are taken", lambda: len(told) > 20)
        door.end()
    got = taken(line)
    same([name for name in told if got[name] == 0], [], "acknowledged, but lost")
    diag(f"{len(told)} of 400 taken before the door was shut")


if __name__ == "__main__":
    check(FORETELL, "the program")
    run(world())
