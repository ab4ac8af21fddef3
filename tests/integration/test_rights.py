# SPDX-License-Identifier: Apache-2.0
"""Rights and credentials that are taken away are gone: for who is connected, who is away, and who is
at the door."""

import pytest

from conftest import SANITIZERS, wait_until
from peer import Raw, connect_packet

HOUR_S = 3600


def with_stdin(site, text, *words):
    done = site.cli(*words, input=text)
    assert done.returncode == 0, done.stderr


def change_role(site, user, old, new):
    users = site.folder / "users.yaml"
    text = users.read_text()
    entry = f'  - name: "{user}"\n    role: "{old}"\n'
    assert text.count(entry) == 1, text
    users.write_text(text.replace(entry, f'  - name: "{user}"\n    role: "{new}"\n'))


# ---- rights ----


def test_a_right_does_not_live_on_in_the_subscription_of_who_is_away(field, peer):
    away = peer(field, "away").join(expiry_s=HOUR_S)
    away.read("test/secret/plan", "test/open")
    away.drop()
    change_role(field, "alice", "tester", "limited")
    field.ok("reload")
    wait_until(lambda: [one["filter"] for one in
                        field.json("clients", "away")["subscription_list"]] == ["test/open"],
               "the subscription has ended")
    writer = peer(field, "writer", user="bob").join()
    writer.publish("test/secret/plan", "secret")
    writer.publish("test/open", "open")
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.session_present
    assert away.next().payload == b"open"
    assert away.nothing()


def test_the_session_of_a_user_who_is_removed_ends_without_its_will(field, peer):
    watcher = peer(field, "watcher", user="bob").join()
    watcher.read("test/#")
    away = peer(field, "away", will=("test/will", "gone", 1, False), will_delay=5)
    away.join(expiry_s=HOUR_S).drop()
    with_stdin(field, "", "user", "remove", "alice")
    field.ok("reload")
    wait_until(lambda: "away" not in {c["client_id"] for c in field.json("clients")}, "ended")
    other = peer(field, "other", user="lena", will=("test/mark", "mark", 1, False), will_delay=5)
    other.join(expiry_s=HOUR_S).drop()
    assert watcher.next().topic == "test/mark"  # which is due after the one that must not come


def test_a_subscription_of_the_control_plane_does_not_come_with_the_session_to_another_listener(
        field, peer):
    """What the node says of itself is for the control listener only."""
    certificate = (str(field.folder / "pki/operator.crt"), str(field.folder / "pki/operator.key"))
    control = peer(field, "desk", tls=True, certificate=certificate, port=field.control_port)
    control.join(expiry_s=HOUR_S)
    control.read("$bastide/incident/#")
    control.drop()
    elsewhere = peer(field, "desk", tls=True, certificate=certificate)
    elsewhere.join(clean=False, expiry_s=HOUR_S)
    assert elsewhere.session_present
    assert field.json("clients", "desk")["subscription_list"] == []


# ---- credentials ----


def test_a_certificate_that_is_no_longer_a_users_ends_its_connection(field, peer):
    """Also when the user has a password as well: that was never shown."""
    field.cli("user", "remove", "device-1")
    with_stdin(field, "a long secret of device-1", "user", "add", "device-1", "--role", "tester",
               "--certificate-cn", "device-1", "--password-stdin")
    field.ok("reload")
    device = peer(field, "device-1", tls=True, certificate=field.certificate("device-1")).join()
    users = field.folder / "users.yaml"
    text = users.read_text()
    assert text.count('    certificate_cn: "device-1"\n') == 1, text
    users.write_text(text.replace('    certificate_cn: "device-1"\n', ""))
    field.ok("reload")
    assert device.disconnected.wait(20)


def test_a_password_that_was_changed_while_it_is_verified_is_not_good(site):
    """The guesses before it keep the verifiers busy until the new one is in force: each costs what it does elsewhere."""
    site.change("  enforce: yes", "  enforce: no")
    with_stdin(site, site.passwords["bob"], "user", "passwd", "bob", "--password-stdin")
    site.start()
    with_stdin(site, "another long secret", "user", "passwd", "alice", "--password-stdin")  # from the reload on
    guesses = [Raw(site) for _ in range(40)]
    for i, raw in enumerate(guesses):
        raw.send(connect_packet(f"guess-{i}", "bob", "a guess"))
    with Raw(site) as old:
        old.socket.settimeout(90)  # behind all guesses
        old.send(connect_packet("late", "alice", site.passwords["alice"]))
        site.ok("reload")
        first, body = old.packet()
        assert (first, body[1]) == (0x20, 4)  # bad user name or password
    for raw in guesses:
        raw.close()
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


# ---- secrets ----


def memory_has(pid, secret):
    """Is it anywhere in what the process may write to?  (A sanitizer's shadow is too large to look at.)"""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            where, rights, *_ = line.split()
            begin, end = (int(one, 16) for one in where.split("-"))
            if "rw" not in rights or "[v" in line or end - begin > 1 << 30:
                continue
            memory.seek(begin)
            if secret in memory.read(end - begin):
                return True
    return False


@pytest.mark.parametrize("way", ["right", "wrong", "in pieces", "cut off", "with a certificate too"])
def test_no_copy_of_a_password_stays_in_memory(site, peer, way):
    secret = "Quite-Unmistakable-" + "x7" * 30
    site.change("  enforce: yes", "  enforce: no")
    if way == "cut off":
        site.change("connect_timeout_ms: 20000", "connect_timeout_ms: 5000")
    if way != "wrong":
        with_stdin(site, secret, "user", "passwd", "alice", "--password-stdin")
    site.start()
    if way == "with a certificate too":
        device = peer(site, "device-1", tls=True, certificate=site.certificate("device-1"))
        device.paho.username_pw_set("device-1", secret)
        device.join()
    else:
        whole = connect_packet("client", "alice", secret)
        with Raw(site) as raw:
            if way == "in pieces":
                for i in range(len(whole)):
                    raw.send(whole[i:i + 1])
            elif way == "cut off":
                raw.send(whole[:-2])
                raw.rest_until_closed()
            else:
                raw.send(whole)
            if way != "cut off":
                assert raw.packet()[0] == 0x20
    peer(site, "later", user="bob").join()
    assert not memory_has(site.process.pid, b"Unmistakable-" + b"x7" * 20)
    assert site.end() == 0, site.log_text()
