# SPDX-License-Identifier: Apache-2.0
"""Who may come in, and who may do what."""

import datetime
import socket
import ssl
import subprocess

import pytest

from conftest import BASTIDE, clients
from peer import PATIENCE_S, V5, V311, Raw, connect_packet, mosquitto_pub
from scram import CONTINUE, Scram, auth_packet, auth_properties, next_auth

BAD_USER_NAME_OR_PASSWORD, NOT_AUTHORIZED = 0x86, 0x87


@pytest.mark.parametrize("version, refused", [(V311, 4), (V5, BAD_USER_NAME_OR_PASSWORD)],
                         ids=["v311", "v5"])
@pytest.mark.parametrize("user, password", [("alice", "not hers"), ("nobody", "anything")],
                         ids=["wrong password", "unknown user"])
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(field, peer, version, refused, user,
                                                               password):
    one = peer(field, "one", user=user, password=password, version=version)
    assert one.connect() == refused


@pytest.mark.parametrize("version, refused", [(V311, 5), (V5, NOT_AUTHORIZED)], ids=["v311", "v5"])
def test_no_credentials_are_refused(field, peer, version, refused):
    assert peer(field, "one", user=None, version=version).connect() == refused


def test_a_disabled_user_is_refused_after_reload(field, peer):
    assert peer(field, "one").connect() == 0
    field.ok("user", "disable", "alice")
    field.ok("reload")
    assert peer(field, "two").connect() == NOT_AUTHORIZED


# ---- certificates ----


def refused_by_tls(field, certificate):
    """Does the node turn this certificate away in the handshake, or right after it (TLS 1.3)?"""
    context = ssl.create_default_context(cafile=field.ca)
    context.load_cert_chain(*certificate)
    with socket.create_connection(("localhost", field.tls_port), PATIENCE_S) as s:
        try:
            with context.wrap_socket(s, server_hostname="localhost") as tls:
                return tls.recv(1) == b""
        except (ssl.SSLError, ConnectionResetError):
            return True


def test_a_good_certificate_is_taken(field, peer):
    peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()


def test_a_certificate_of_nobody_is_refused(field, peer):
    stranger = field.issue("stranger")
    assert peer(field, "one", tls=True, certificate=stranger).connect() == NOT_AUTHORIZED


def test_an_expired_certificate_is_refused(field):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    before = yesterday - datetime.timedelta(days=1)
    old = field.issue("old", "--not-before", before.strftime("%Y-%m-%dT%H:%M:%SZ"),
                      "--not-after", yesterday.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert refused_by_tls(field, old)


def test_a_certificate_of_another_ca_is_refused(field, tmp_path):
    other = tmp_path / "other"
    assert subprocess.run([BASTIDE, "init", str(other), "--port-base", "21100"],
                          capture_output=True).returncode == 0
    done = subprocess.run([BASTIDE, "pki", "issue", "client", "device-1", "--out",
                           str(tmp_path / "false"), "--home", str(other)], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert refused_by_tls(field, (str(tmp_path / "false.crt"), str(tmp_path / "false.key")))


def test_a_revoked_certificate_is_refused_after_reload(field, peer):
    certificate = field.certificate("device-1")
    one = peer(field, "device-1", tls=True, certificate=certificate).join()
    field.ok("pki", "revoke", "device-1")
    assert "1 connections are closed whose certificate is not good any more" in field.ok("reload")
    assert "device-1: closed: the client's certificate is not good any more" in field.log_text()
    assert one.disconnected.wait(PATIENCE_S), "who is connected with it is thrown out"
    assert refused_by_tls(field, certificate)


def shakes_hands(field, certificate):
    """A connection that TLS has taken: up to 1.2 it is the node that says the last word of a handshake."""
    context = ssl.create_default_context(cafile=field.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*certificate)
    raw = Raw(field, field.tls_port)
    raw.socket = context.wrap_socket(raw.socket, server_hostname="localhost")
    return raw


def has_said_nothing(_field, _raw):
    return connect_packet("late", level=5)


def has_said_nothing_311(_field, _raw):
    return connect_packet("late")


def has_said_half(_field, raw):
    whole = connect_packet("late", level=5)
    raw.send(whole[:9])
    return whole[9:]


def has_a_password(field, _raw):
    return connect_packet("late", "alice", field.passwords["alice"], level=5)


def is_challenged(field, raw):
    scram = Scram("alice", field.passwords["alice"])
    raw.send(connect_packet("late", level=5, properties=auth_properties(scram.hello())))
    reason, challenge = next_auth(raw)
    assert reason == CONTINUE
    return auth_packet(CONTINUE, scram.answer(challenge))


@pytest.mark.parametrize("name, last_word, refused",
                         [("device-1", has_said_nothing, NOT_AUTHORIZED), ("device-1", has_said_nothing_311, 5),
                          ("device-1", has_said_half, NOT_AUTHORIZED),
                          ("stranger", has_a_password, NOT_AUTHORIZED),
                          ("stranger", is_challenged, NOT_AUTHORIZED)])
def test_a_certificate_that_is_revoked_behind_its_handshake_is_refused(field, name, last_word, refused):
    """A reload in between: nobody is there yet who could be thrown out."""
    certificate = field.certificate(name) if name == "device-1" else field.issue(name)
    with shakes_hands(field, certificate) as early, shakes_hands(field, certificate) as late:
        early.send(last_word(field, early))
        assert early.packet()[1][1] == 0
        rest = last_word(field, late)
        field.ok("pki", "revoke", name)
        field.ok("reload")
        late.send(rest)
        first, body = late.packet()
        assert (first, body[1]) == (0x20, refused)
        assert late.rest_until_closed() == b""
    assert "127.0.0.1 late: refused: the client's certificate is not good any more" in field.log_text()
    assert clients(field) == []


def test_a_node_whose_name_is_not_in_its_certificate_is_not_believed(field):
    context = ssl.create_default_context(cafile=field.ca)
    with socket.create_connection(("127.0.0.1", field.tls_port), PATIENCE_S) as s:
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(s, server_hostname="bastide.example")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(field, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", field.tls_port), PATIENCE_S) as s:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(s)


# ---- rights ----


@pytest.mark.parametrize("version, refused", [(V311, 0x80), (V5, NOT_AUTHORIZED)],
                         ids=["v311", "v5"])
def test_a_subscription_without_right_is_refused(field, peer, version, refused):
    one = peer(field, "one", user="lena", version=version).join()
    assert one.subscribe("test/ok", "#", "other/x", "test/secret/x", "test/#") == \
        [1, refused, refused, refused, refused]  # the last would also read what is denied
    assert field.json("clients", "one")["subscription_list"] == [{"filter": "test/ok", "qos": 1, "suspended": False}]


def test_a_publish_without_right_is_refused_and_not_delivered(field, peer):
    reader = peer(field, "reader", user="rita").join()
    assert reader.subscribe("test/#") == [1]
    for topic in ("test/secret/x", "test/of/alice/x", "elsewhere/x"):
        user = "carl" if topic != "test/secret/x" else "lena"
        status, said = mosquitto_pub(field, "-V", "mqttv5", "-q", "1", "-t", topic, "-m", "no",
                                     user=user)
        assert "Not authorized" in said, (topic, status, said)
    assert mosquitto_pub(field, "-V", "mqttv5", "-q", "1", "-t", "test/of/carl/x", "-m", "yes",
                         user="carl") == (0, "")
    assert reader.next().payload == b"yes"
    assert reader.nothing()


def test_a_publish_without_right_does_not_pass_at_any_qos_or_version(field, peer):
    reader = peer(field, "reader", user="rita").join()
    reader.read("test/#")
    for version in (V311, V5):
        for qos in (0, 1, 2):
            one = peer(field, f"one-{version}-{qos}", user="lena", version=version).join()
            one.paho.publish("test/secret/x", "no", qos)
            one.paho.publish("test/mark", "mark", 1)
            assert reader.next().topic == "test/mark"


def test_what_the_node_keeps_for_itself_nobody_may_publish(field):
    for topic in ("$SYS/x", "$bastide/incident/x"):
        _, said = mosquitto_pub(field, "-V", "mqttv5", "-q", "1", "-t", topic, "-m", "x")
        assert "Not authorized" in said, said


@pytest.mark.parametrize("words, status, rule", [
    (["--user", "alice", "--publish", "test/x"], 0, "test/#"),
    (["--user", "lena", "--publish", "test/secret/x"], 1, "test/secret/#"),
    (["--user", "alice", "--subscribe", "#"], 1, "DENIED"),
    (["--user", "carl", "--publish", "test/of/carl/x"], 0, "test/of/${user_name}/#"),
    (["--user", "carl", "--publish", "test/of/alice/x"], 1, "DENIED"),
    (["--user", "device-1", "--cert-cn", "device-1", "--publish", "test/x"], 0, "test/#"),
])
def test_acl_explain_says_what_the_node_does(site, words, status, rule):
    done = site.cli("acl", "explain", "--client", "c", *words)
    assert done.returncode == status, done.stdout + done.stderr
    assert rule in done.stdout
