# SPDX-License-Identifier: Apache-2.0
"""Orders while delivery takes all that the workers have."""

import contextlib
import multiprocessing
import os
import threading
import time

from admin_api import order
from peer import PATIENCE_S, Raw, packet, publish_packet, string
from test_respond import LIMIT_S, NOT_AUTHORIZED, publish_packet5

ROUNDS = int(os.environ.get("RESPOND_ROUNDS", "1"))


def write_all(site):
    """Eight writers, as fast as the node reads."""
    burst = b"".join(publish_packet("test/load", bytes(100)) for _ in range(50))

    def write(raw):
        while True:
            raw.send(burst)

    for i in range(8):
        raw = Raw(site)
        raw.join(site, f"writer-{i}", user="bob")
        threading.Thread(target=write, args=(raw,)).start()


def read_all(site, flows):
    def read(raw):
        while raw.socket.recv(1 << 20):
            flows.set()

    for i in range(2):
        raw = Raw(site)
        raw.join(site, f"reader-{i}", user="rita")
        raw.send(packet(0x82, b"\0\1" + string("test/load") + b"\0"))
        assert raw.packet()[0] == 0x90
        threading.Thread(target=read, args=(raw,)).start()


@contextlib.contextmanager
def saturated(site):
    """Delivery, by processes of their own: who measures has an interpreter for itself."""
    context = multiprocessing.get_context("fork")
    flows = context.Event()
    others = [context.Process(target=read_all, args=(site, flows)), context.Process(target=write_all, args=(site,))]
    try:
        for one in others:
            one.start()
        assert flows.wait(PATIENCE_S)
        yield
    finally:
        for one in others:
            one.kill()
            one.join()


def cut_by(site, peer, what, kind, target, **victim):
    """Seconds until a client has seen the end of its connection, and until the command has its answer."""
    one = peer(site, target if kind == "client" else f"of-{kind}", **victim).join()
    begin = time.monotonic()
    answered = order(site, "/v1/responses", what=what, target_kind=kind, target=target)
    assert one.disconnected.wait(PATIENCE_S)
    return one.ended_at - begin, answered


def blocked_by(site, direction):
    """The same for a topic that nobody else uses: in force when the command has its answer."""
    took = order(site, "/v1/responses", what="quarantine", target_kind="topic", target="test/blocked",
                 direction=direction, for_s=60)
    with Raw(site) as raw:
        raw.join(site, "raw", level=5)
        raw.send(publish_packet5("test/blocked", b"x"))
        assert (raw.packet()[1][2] == NOT_AUTHORIZED) == (direction == "publish")
    order(site, "/v1/responses/undo", what="quarantine", target_kind="topic", target="test/blocked",
          reason="measured")
    return took, took


def measure(site, peer):
    """Each of them once: (in force, answered)."""
    yield "disconnect", cut_by(site, peer, "disconnect", "client", "victim")
    yield "ban", cut_by(site, peer, "ban", "client", "victim")
    order(site, "/v1/responses/undo", what="ban", target_kind="client", target="victim")
    yield "revoke user", cut_by(site, peer, "revoke-user", "user", "alice", user="alice")
    order(site, "/v1/responses/undo", what="revoke-user", target_kind="user", target="alice")
    certificate = site.issue("device-1", "--replace")
    serial = site.json("pki", "show", certificate[0])["serial"]
    yield "revoke certificate", cut_by(site, peer, "revoke-certificate", "certificate", serial, tls=True,
                                       certificate=certificate)
    yield "block publish", blocked_by(site, "publish")
    yield "block deliver", blocked_by(site, "deliver")


def test_orders_are_in_force_soon_while_delivery_is_saturated(site, peer):
    site.change("respond:\n", f"respond:\n  ca: {site.folder}/pki\n")
    site.start()
    took = {}
    with saturated(site):
        for _ in range(ROUNDS):
            for what, times in measure(site, peer):
                took.setdefault(what, []).append(times)
    for what, times in took.items():
        print(f"{what}: in force after, ms: {[round(t[0] * 1000) for t in times]}; "
              f"answered, so on disk: {[round(t[1] * 1000) for t in times]}")
    assert max(t[0] for times in took.values() for t in times) < LIMIT_S, took
    assert site.end() == 0, site.log_text()
