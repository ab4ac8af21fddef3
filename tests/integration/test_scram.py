# SPDX-License-Identifier: Apache-2.0
"""Extended authentication by SCRAM-SHA-256 (section 4.12), against a client of our own in scram.py.

Debian's clients know no SCRAM.
"""

import pathlib
import re
import shutil
import signal
import tempfile

import pytest

from conftest import SANITIZERS, Site, wait_until
from peer import (Raw, connect_packet, next_connack, next_disconnect, packet, publish_packet,
                  subscribe_packet)
from scram import (AGAIN, AUTH_DATA, AUTH_METHOD, CONTINUE, METHOD, Scram, auth_packet,
                   auth_properties, next_auth)

REFUSED = 0x86


@pytest.fixture(scope="module")
def steady(site_template):
    """A node for all tests that leave it as it is."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    one = Site(folder, *site_template)
    one.change("  enforce: yes", "  enforce: no")
    one.start()
    yield one
    status = one.end()
    assert status == 0 and not SANITIZERS.search(one.log_text()), one.log_text()
    shutil.rmtree(folder)


def connect(data, client_id="prover", method=METHOD, more=b"", **rest):
    return connect_packet(client_id, level=5, properties=auth_properties(data, method) + more, **rest)


def challenged(site, user, password, **more):
    """A connection whose client has been challenged, and its exchange."""
    scram, raw = Scram(user, password), Raw(site)
    raw.send(connect(scram.hello(), **more))
    reason, challenge = next_auth(raw)
    assert reason == CONTINUE
    return raw, scram, challenge


def prove(site, user, password, **more):
    """Return the connection, the reason of CONNACK and its properties."""
    raw, scram, challenge = challenged(site, user, password, **more)
    raw.send(auth_packet(CONTINUE, scram.answer(challenge)))
    reason, properties = next_connack(raw)
    if reason == 0:
        assert properties[AUTH_METHOD] == METHOD
        assert properties[AUTH_DATA] == scram.expected
    return raw, reason, properties


def works(raw, topic="test/scram"):
    raw.send(subscribe_packet_5(topic))
    first, body = raw.packet()
    assert (first, body[-1]) == (0x90, 0)
    raw.send(packet(0x30, b"\0\x0atest/scram\0hello"))
    assert raw.packet()[0] == 0x30
    return True


def subscribe_packet_5(topic):
    old = subscribe_packet(topic, 0)
    return packet(0x82, old[2:4] + b"\0" + old[4:])


def events(site, kind):
    return [one for one in site.json("incidents") if one["kind"] == kind]


def test_a_client_that_proves_its_password_is_let_in_and_the_node_proves_itself(steady):
    raw, reason, _ = prove(steady, "alice", steady.passwords["alice"])
    assert reason == 0 and works(raw)
    raw.close()


def test_the_rights_are_those_of_the_user(steady):
    raw, reason, _ = prove(steady, "rita", steady.passwords["rita"])
    assert reason == 0
    raw.send(packet(0x32, b"\0\x06test/a\0\x01\0hello"))
    first, body = raw.packet()
    assert (first, body[2]) == (0x40, 0x87)
    raw.close()


@pytest.mark.parametrize("user, password", [("alice", "not the secret of alice"),
                                            ("nobody", "a long secret of alice"),
                                            ("device-1", "it has no password")])
def test_what_is_wrong_is_not_told(steady, user, password):
    raw, reason, properties = prove(steady, user, password)
    assert reason == REFUSED
    assert properties == {0x1F: "bad user name or password"}
    assert raw.rest_until_closed() == b""
    raw.close()


def salt_of(site, user):
    raw, _, challenge = challenged(site, user, "")
    raw.close()
    return re.fullmatch(r"r=[^,]+,s=([A-Za-z0-9+/=]{24}),i=(\d+)", challenge).groups()


def test_a_challenge_does_not_tell_whether_there_is_such_a_user(site):
    site.start()
    before = {user: salt_of(site, user) for user in ("alice", "nobody", "somebody", "device-1")}
    assert {user: salt_of(site, user) for user in before} == before
    assert len({salt for salt, _ in before.values()}) == len(before)
    assert len({iterations for _, iterations in before.values()}) == 1
    assert site.end() == 0
    site.start()
    assert {user: salt_of(site, user) for user in before} == before
    assert not (site.folder / "state/scram.key").exists()


def test_who_guesses_is_found_out_as_with_passwords(site):
    site.change("  enforce: yes", "  enforce: no")
    site.start()
    for i in range(12):
        raw, reason, _ = prove(site, "alice", f"guess number {i}")
        assert reason == REFUSED
        raw.close()
    wait_until(lambda: events(site, "repeated-auth-failures"), "an incident")


def test_a_new_password_is_proved_and_the_old_one_is_not_good(field):
    new = "another secret of alice"
    raw, reason, _ = prove(field, "alice", field.passwords["alice"])
    assert reason == 0
    field.ok("user", "passwd", "alice", "--password-stdin", input=new)
    field.ok("reload")
    assert next_disconnect(raw)[0] == 0x98
    assert prove(field, "alice", field.passwords["alice"])[1] == REFUSED
    assert prove(field, "alice", new)[1] == 0


def test_a_verifier_that_was_replaced_during_the_exchange_is_not_good(site):
    site.start()
    raw, scram, challenge = challenged(site, "alice", site.passwords["alice"])
    site.ok("user", "passwd", "alice", "--password-stdin", input="another secret of alice")
    site.ok("reload")
    raw.send(auth_packet(CONTINUE, scram.answer(challenge)))
    assert next_connack(raw)[0] == REFUSED
    raw.close()
    assert site.end() == 0


def test_a_user_may_have_no_other_way_in(site):
    """Without the line of the password; and a reload leaves it in."""
    users = site.folder / "users.yaml"
    before, after = users.read_text().split('  - name: "alice"\n')
    users.write_text(before + '  - name: "alice"\n' + re.sub(r"^    password: .*\n", "", after, 1, re.M))
    site.start()
    raw, reason, _ = prove(site, "alice", site.passwords["alice"])
    assert reason == 0
    with Raw(site) as other:
        other.send(connect_packet("other", "alice", site.passwords["alice"], level=5))
        assert next_connack(other)[0] == REFUSED
    site.ok("user", "disable", "bob")
    site.ok("reload")
    assert works(raw)
    text = users.read_text()
    users.write_text(text.replace('  - name: "alice"\n', '  - name: "alice"\n    disabled: yes\n'))
    site.ok("reload")
    assert next_disconnect(raw)[0] == 0x87
    raw.close()
    assert site.end() == 0


def test_a_disabled_user_is_told_after_the_proof(field):
    field.ok("user", "disable", "bob")
    field.ok("reload")
    assert prove(field, "bob", field.passwords["bob"])[1] == 0x87
    assert prove(field, "bob", "not the secret of bob")[1] == REFUSED


# ---- what does not fit ----


HELLO = "n,,n=alice,r=abcdefgh"


@pytest.mark.parametrize("packet_, reason", [
    (connect(HELLO, method="SCRAM-SHA-1"), 0x8C),
    (connect(HELLO, method="SCRAM-SHA-256-PLUS"), 0x8C),
    (connect("p=tls-exporter,,n=alice,r=abcdefgh"), 0x8C),
    (connect("n,a=bob,n=alice,r=abcdefgh"), 0x87),
    (connect(HELLO, user="bob", password="x"), 0x87),
    (connect("n=alice"), 0x82),
    (connect(None), 0x82),
    (connect("n,,n=al\0ice,r=abcdefgh"), 0x82),
])
def test_a_first_message_that_does_not_fit_is_refused(steady, packet_, reason):
    with Raw(steady) as raw:
        raw.send(packet_)
        assert next_connack(raw)[0] == reason
        assert raw.rest_until_closed() == b""


@pytest.mark.parametrize("answer, reason", [
    (auth_packet(CONTINUE, "c=biws,r=x,p=AAAA"), 0x82),
    (auth_packet(AGAIN, HELLO), 0x82),
    (auth_packet(0, "x"), 0x82),
    (auth_packet(CONTINUE, "x", method="SCRAM-SHA-1"), 0x82),
    (packet(0xC0, b""), 0x82),
    (publish_packet("test/a", b"x"), 0x82),
    (packet(0xF1, b""), 0x81),
    (b"\x30\xff\xff\xff\x7f", 0x95),
])
def test_what_does_not_answer_a_challenge_is_refused(steady, answer, reason):
    """[MQTT5-4.12.0-4]"""
    raw, _, _ = challenged(steady, "alice", "")
    raw.send(answer)
    assert next_connack(raw)[0] == reason
    assert raw.rest_until_closed() == b""
    raw.close()


@pytest.mark.parametrize("packet_, name", [
    (connect(HELLO), "double_connect"),
    (publish_packet("test/a", b"x"), "unintroduced_message"),
])
def test_what_may_not_come_during_a_challenge_has_its_name(steady, packet_, name):
    log_from = len(steady.log_text())
    raw, _, _ = challenged(steady, "alice", "")
    raw.send(packet_)
    assert next_connack(raw)[0] == 0x82
    assert raw.rest_until_closed() == b""
    raw.close()
    wait_until(lambda: f": {name}: " in steady.log_text()[log_from:], f"the log says {name}")


def test_a_client_that_does_not_answer_in_time_is_closed(site):
    site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 1000")
    site.start()
    raw, _, _ = challenged(site, "alice", "")
    assert raw.rest_until_closed() == b""
    raw.close()


def test_a_client_may_go_without_an_answer(steady):
    raw, _, _ = challenged(steady, "alice", "")
    raw.send(b"\xe0\x00")
    assert raw.rest_until_closed() == b""
    raw.close()
    assert prove(steady, "alice", steady.passwords["alice"])[1] == 0


def test_what_is_larger_than_the_client_takes_is_not_sent(steady):
    with Raw(steady) as raw:
        raw.send(connect(HELLO, more=b"\x27\0\0\0\x40"))
        assert raw.rest_until_closed() == b""


# ---- again ----


def again(raw, user, password):
    scram = Scram(user, password)
    raw.send(auth_packet(AGAIN, scram.hello()))
    reason, challenge = next_auth(raw)
    assert reason == CONTINUE
    return scram, challenge


def test_a_client_authenticates_again_and_works_meanwhile(steady):
    """[MQTT5-4.12.0-2] [MQTT5-4.12.0-5]"""
    raw, _, _ = prove(steady, "alice", steady.passwords["alice"])
    for _ in range(2):
        scram, challenge = again(raw, "alice", steady.passwords["alice"])
        assert works(raw)
        raw.send(auth_packet(CONTINUE, scram.answer(challenge)))
        assert next_auth(raw) == (0, scram.expected)
        assert works(raw)
    raw.close()


def test_who_fails_to_authenticate_again_is_closed(steady):
    """[MQTT5-4.12.1-2]"""
    raw, _, _ = prove(steady, "alice", steady.passwords["alice"])
    scram, challenge = again(raw, "alice", "not the secret of alice")
    raw.send(auth_packet(CONTINUE, scram.answer(challenge)))
    assert next_disconnect(raw)[0] == 0x87
    assert raw.rest_until_closed() == b""
    raw.close()


@pytest.mark.parametrize("wrong, reason", [
    (auth_packet(AGAIN, Scram("bob", "", nonce="another-user").hello()), 0x87),
    (auth_packet(AGAIN, HELLO, method="SCRAM-SHA-1"), 0x82),
    (auth_packet(AGAIN, "x"), 0x82),
    (auth_packet(CONTINUE, "x"), 0x82),
    (auth_packet(0, "x"), 0x82),
    (auth_packet(0x77, "x"), 0x82),
])
def test_what_does_not_begin_another_exchange_ends_the_connection(steady, wrong, reason):
    """[MQTT5-4.12.1-1]"""
    raw, _, _ = prove(steady, "alice", steady.passwords["alice"])
    raw.send(wrong)
    assert next_disconnect(raw)[0] == reason
    assert raw.rest_until_closed() == b""
    raw.close()


def test_a_second_wish_during_an_exchange_ends_the_connection(steady):
    raw, _, _ = prove(steady, "alice", steady.passwords["alice"])
    again(raw, "alice", "")
    raw.send(auth_packet(AGAIN, HELLO))
    assert next_disconnect(raw)[0] == 0x82
    raw.close()


def test_the_exchange_goes_over_several_workers_and_ends_in_order(site):
    """Each client id has a home worker: of many some are read by another."""
    site.start()
    for i in range(8):
        raw, reason, _ = prove(site, "alice", site.passwords["alice"], client_id=f"prover-{i}")
        assert reason == 0
        raw.close()
    raw, _, _ = challenged(site, "alice", "")
    assert site.end(signal.SIGTERM) == 0
    raw.close()


def test_what_comes_with_a_proof_is_taken_though_an_older_connection_is_looked_through(site):
    site.change("  messages_per_s_max: 100000", "  messages_per_s_max: 1")
    site.start()
    older, _, _ = prove(site, "alice", site.passwords["alice"])
    for i in range(10):
        older.send(packet(0x32, b"\0\x0atest/scram\0" + bytes([1 + i]) + b"\0said"))
    for _ in range(5):
        assert older.packet()[0] == 0x40
    older.send(b"\xc0\0" * 1000)  # not read: it is held back
    raw, scram, challenge = challenged(site, "alice", site.passwords["alice"])
    raw.send(auth_packet(CONTINUE, scram.answer(challenge)) + subscribe_packet_5("test/scram"))
    assert next_connack(raw)[0] == 0
    assert raw.packet()[0] == 0x90
    older.close()
    raw.close()
    assert site.end() == 0, site.log_text()
