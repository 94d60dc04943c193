"""stomp.py, the client that most Python programs use, over TCP, in its three versions of the protocol:

    python3 stomppy.py PORT

Each scenario prints one line of JSON, which the Go tests read.
"""

import json
import os
import queue
import sys
import time
import traceback

import stomp

PORT = int(sys.argv[1])
PATIENCE = 20  # seconds
RUN = os.urandom(6).hex()


class Inbox(stomp.ConnectionListener):
    """Collects what the broker says."""

    def __init__(self):
        self.messages, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()
        self.beats = queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)

    def on_heartbeat(self):
        self.beats.put(None)

    def next(self):
        return self.messages.get(timeout=PATIENCE)

    def receipt(self, want):
        equal(self.receipts.get(timeout=PATIENCE), want, "receipt")


def connect(version="1.2", **options):
    kind = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}[version]
    connection = kind([("127.0.0.1", PORT)], **options)
    inbox = Inbox()
    connection.set_listener("inbox", inbox)
    connection.connect("anybody", "anything", wait=True)
    return connection, inbox


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}"[:500])


def every_version():
    for version in ("1.0", "1.1", "1.2"):
        connection, inbox = connect(version)
        destination = f"/queue/py-{RUN}-{version}"
        connection.subscribe(destination, id="7", ack="auto")
        connection.send(destination, "hällo", note="a plain note")
        frame = inbox.next()
        equal(frame.body, "hällo", "body")
        equal(frame.headers["note"], "a plain note", "note")
        connection.disconnect()


def escapes():
    for version in ("1.1", "1.2"):
        connection, inbox = connect(version)
        destination = f"/queue/py-{RUN}-escapes-{version}"
        connection.subscribe(destination, id="1", ack="auto")
        connection.send(destination, "", note="a:b\\x\ny")
        equal(inbox.next().headers["note"], "a:b\\x\ny", "note")
        connection.disconnect()


def acknowledgement():
    for version in ("1.1", "1.2"):
        connection, inbox = connect(version)
        destination = f"/queue/py-{RUN}-ack-{version}"
        key = "ack" if version == "1.2" else "message-id"
        answer = (lambda f: (f.headers[key],)) if version == "1.2" else (lambda f: (f.headers[key], "1"))
        connection.subscribe(destination, id="1", ack="client-individual")
        connection.send(destination, "x")
        connection.nack(*answer(inbox.next()))
        again = inbox.next()
        equal(again.headers["redelivered"], "true", "redelivered")
        connection.ack(*answer(again), receipt="settled")
        inbox.receipt("settled")
        connection.disconnect()


def transaction():
    connection, inbox = connect()
    destination = f"/queue/py-{RUN}-tx"
    connection.subscribe(destination, id="1", ack="auto")
    name = connection.begin()
    connection.send(destination, "inside", transaction=name)
    connection.send(destination, "outside")
    equal(inbox.next().body, "outside", "first")
    connection.commit(name)
    equal(inbox.next().body, "inside", "second")
    connection.disconnect()


def large():
    connection, inbox = connect()
    destination = f"/queue/py-{RUN}-large"
    connection.subscribe(destination, id="1", ack="auto")
    connection.send(destination, "0123456789abcdef" * 65536)
    equal(inbox.next().body, "0123456789abcdef" * 65536, "body")
    connection.disconnect()


def binary():
    connection, inbox = connect(auto_decode=False)
    destination = f"/queue/py-{RUN}-binary"
    connection.subscribe(destination, id="1", ack="auto")
    connection.send(destination, bytes(range(256)))
    equal(inbox.next().body, bytes(range(256)), "body")
    connection.disconnect()


def error():
    connection, inbox = connect()
    connection.send("nowhere", "x", receipt="r")
    frame = inbox.errors.get(timeout=PATIENCE)
    equal(frame.headers["code"], "destination unknown", "code")
    equal(frame.headers["receipt-id"], "r", "receipt-id")


def disconnect():
    connection, inbox = connect()
    connection.send(f"/queue/py-{RUN}-bye", "bye")
    connection.disconnect(receipt="bye")
    inbox.receipt("bye")


def heartbeats():
    connection, inbox = connect(heartbeats=(200, 200))
    for _ in range(5):
        inbox.beats.get(timeout=PATIENCE)
    destination = f"/queue/py-{RUN}-beats"
    connection.subscribe(destination, id="1", ack="auto")
    connection.send(destination, "alive")
    equal(inbox.next().body, "alive", "body")
    connection.disconnect()


SCENARIOS = {
    "each version sends and receives": every_version,
    "escapes in headers": escapes,
    "acknowledgement and refusal": acknowledgement,
    "a transaction": transaction,
    "a mebibyte": large,
    "octets that are no text": binary,
    "an ERROR": error,
    "DISCONNECT with a receipt": disconnect,
    "heart-beats": heartbeats,
}


def say(line):
    print(json.dumps(line), flush=True)


say({"plan": list(SCENARIOS)})
for name, scenario in SCENARIOS.items():
    started = time.monotonic()
    result = {"name": name, "ok": True}
    try:
        scenario()
    except Exception:
        result = {"name": name, "ok": False, "error": traceback.format_exc()}
    say(result | {"ms": int((time.monotonic() - started) * 1000)})
os._exit(0)  # its threads would keep us
