# SPDX-License-Identifier: Apache-2.0
"""Rights and credentials that are taken away are gone: for who is connected, who is away, and who is
at the door."""

import re
import signal

import pytest

from conftest import SANITIZERS, change_role, clients, wait_until
from peer import PATIENCE_S, Raw, connect_packet

HOUR_S = 3600
NOT_AUTHORIZED, BANNED = 0x87, 0x8A


def with_stdin(site, text, *words):
    done = site.cli(*words, input=text)
    assert done.returncode == 0, done.stderr


# ---- rights ----


def test_a_right_does_not_live_on_in_the_subscription_of_who_is_away(field, peer):
    away = peer(field, "away").join(expiry_s=HOUR_S)
    away.read("test/secret/plan", "test/open")
    away.drop()
    change_role(field, "alice", "tester", "limited")
    field.ok("reload")
    assert [one["filter"] for one in field.json("clients", "away")["subscription_list"]
            if not one["suspended"]] == ["test/open"]
    writer = peer(field, "writer", user="bob").join()
    writer.publish("test/secret/plan", "secret")
    writer.publish("test/open", "open")
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.session_present
    assert away.next().payload == b"open"
    assert away.nothing()


@pytest.mark.parametrize("held_back", [False, True], ids=["delivered", "held back"])
def test_what_waits_outlives_its_right_unless_a_quarantine_holds_it_back(field, peer, held_back):
    away = peer(field, "away").join(expiry_s=HOUR_S)
    away.read("test/secret/plan", "test/open")
    away.drop()
    writer = peer(field, "writer", user="bob").join()
    wait_until(lambda: not field.json("clients", "away")["connected"], "away")
    writer.publish("test/secret/plan", "secret")
    if held_back:
        field.ok("respond", "run", "quarantine", "topic", "test/secret/#", "--direction", "deliver", "--reason", "a test")
    change_role(field, "alice", "tester", "limited")
    field.ok("reload")
    writer.publish("test/secret/plan", "later")
    writer.publish("test/open", "open")
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.texts(1 if held_back else 2) == (["open"] if held_back else ["secret", "open"])
    assert away.nothing()


def session_of_alice(field, peer, expiry_s=HOUR_S, durable=False):
    """With a Will that waits for an hour, and a message that waits for her; who is told of the Will is returned."""
    watcher = peer(field, "watcher", user="bob").join(expiry_s=HOUR_S if durable else 0)
    watcher.read("test/will/#")
    away = peer(field, "away", will=("test/will/away", "gone", 1, False), will_delay=HOUR_S)
    away.join(expiry_s=expiry_s).read("test/letters", "test/other")
    return watcher, away


def with_one_letter(field, peer, away):
    away.drop()
    wait_until(lambda: not field.json("clients", "away")["connected"], "away")
    peer(field, "writer", user="bob").join().publish("test/letters", "a letter")


OUT = {"disable": "the user is disabled", "remove": "no such user"}


@pytest.mark.parametrize("verb", OUT)
def test_who_is_out_for_good_leaves_a_will_that_waits_no_longer(field, peer, verb):
    watcher, away = session_of_alice(field, peer)
    with_one_letter(field, peer, away)
    field.ok("user", verb, "alice")
    told = field.ok("reload")
    assert "1 sessions of users that may not connect any more have ended, with 1 messages that waited" in told
    assert watcher.next().payload == b"gone"
    assert (f"away: session ended: user alice: {OUT[verb]}; 2 subscriptions and 1 waiting messages end with it"
            in field.log_text())
    assert "away" not in {c["client_id"] for c in field.json("clients")}


GROUP = "$share/desk/test/letters"


def waiting_members(field, peer, *names, writer=None):
    """Sessions of alice, away, in a group of two workers; six messages wait for it, and one for each of them alone."""
    for name in names:
        member = peer(field, name).join(expiry_s=HOUR_S).read(GROUP, "test/other")
        member.drop()
        wait_until(lambda one=name: not field.json("clients", one)["connected"], "away")
    writer = (writer or peer(field, "writer", user="bob")).join()
    for n in range(6):
        writer.publish("test/letters", f"letter {n}")
    writer.publish("test/other", "for each")
    wait_until(lambda: sum(c["queue_messages"] for c in clients(field)) == 6 + len(names), "all is where it waits")


def test_what_others_of_a_group_get_is_not_lost_with_a_session(field, peer):
    waiting_members(field, peer, "a0")
    other = peer(field, "b2", user="bob").join().read(GROUP)
    field.ok("user", "disable", "alice")
    assert "with 1 messages that waited" in field.ok("reload")
    assert "a0: session ended: user alice: the user is disabled; 2 subscriptions and 1 waiting messages" in field.log_text()
    assert sorted(other.texts(6)) == [f"letter {n}" for n in range(6)]


def test_what_all_of_a_group_that_have_to_go_leave_is_lost(field, peer):
    names = [f"a{n}" for n in range(8)]  # on both workers
    waiting_members(field, peer, *names)
    field.ok("user", "disable", "alice")
    assert "8 sessions of users that may not connect any more have ended, with 14 messages that waited" in field.ok("reload")
    ended = re.findall(r"a\d: session ended: .* (\d+) waiting messages", field.log_text())
    assert len(ended) == 8 and sum(map(int, ended)) == 14


def test_a_client_that_is_cut_off_as_its_user_is_disabled_leaves_its_will_at_once(field, peer):
    watcher, away = session_of_alice(field, peer)
    field.ok("user", "disable", "alice")
    assert "1 sessions of users that may not connect any more have ended, with 0 messages" in field.ok("reload")
    assert away.disconnected.wait(PATIENCE_S) and away.disconnect == NOT_AUTHORIZED
    assert watcher.next().payload == b"gone"
    field.ok("user", "enable", "alice")
    field.ok("reload")
    away.paho.loop_stop()
    away.join(clean=False, expiry_s=HOUR_S)
    assert not away.session_present


def test_nobody_gets_a_will_by_a_right_that_goes_with_its_client(field, peer):
    """Whichever of them is asked first: the Will is published when the rights of all are those of now."""
    readers = [peer(field, f"reader-{i}", user="lena").join() for i in range(8)]
    for reader in readers:
        reader.read("test/will/#", "test/mark")
    watcher, _away = session_of_alice(field, peer)
    users = field.folder / "users.yaml"
    users.write_text(users.read_text().replace('name: "lena"\n    role: "limited"', 'name: "lena"\n    role: "marked"'))
    field.change("\nroles:\n", "\nroles:\n  marked:\n    allow:\n      - subscribe: test/mark\n")
    field.ok("user", "disable", "alice")
    field.ok("reload")
    assert watcher.next().payload == b"gone"
    peer(field, "writer", user="bob").join().publish("test/mark", "mark")
    for reader in readers:
        assert reader.next().payload == b"mark"


def operator(site, peer, client_id):
    certificate = (str(site.folder / "pki/operator.crt"), str(site.folder / "pki/operator.key"))
    return peer(site, client_id, tls=True, certificate=certificate, port=site.control_port)


@pytest.mark.parametrize("plane", ["delivery", "control"])
@pytest.mark.parametrize("verb", OUT)
def test_what_others_of_a_group_get_is_not_lost_while_the_node_is_down(site, peer, verb, plane):
    """Those that end are on both workers, and the other one is on one of them."""
    site.change("  durability: memory", "  durability: commit")
    site.change("      - subscribe: fmb/#\n      - subscribe: $SYS/#\n",
                "      - subscribe: fmb/#\n      - subscribe: $SYS/#\n      - publish: test/#\n")
    site.start()
    waiting_members(site, peer, *[f"a{n}" for n in range(8)],
                    writer=operator(site, peer, "desk") if plane == "control" else None)
    others = [peer(site, "b0", user="bob").join(expiry_s=HOUR_S).read(GROUP)]
    for other in others:
        other.drop()
    assert site.end(signal.SIGKILL) != 0
    site.ok("user", verb, "alice")
    site.start()
    letters = set()

    def has_all():
        for other in others:
            while not other.nothing():
                letters.add(other.next().payload.decode())
        return letters == {f"letter {n}" for n in range(6)}

    for other in others:
        other.join(clean=False, expiry_s=HOUR_S)
    wait_until(has_all, "all letters, at whomever")
    assert site.log_text().count("2 subscriptions and 1 waiting messages end with it") == 8


@pytest.mark.parametrize("verb", OUT)
def test_who_is_out_while_the_node_is_down_is_told_of_when_it_is_back(site, peer, verb):
    """A user that is no longer there has no rights from which his Will could be published: that is in the log."""
    site.change("  durability: memory", "  durability: commit")
    site.start()
    watcher, away = session_of_alice(site, peer, durable=True)
    with_one_letter(site, peer, away)
    watcher.drop()
    assert site.end() == 0
    site.ok("user", verb, "alice")
    site.start()
    assert (f"away: session ended: user alice: {OUT[verb]}; 2 subscriptions and 1 waiting messages end with it"
            in site.log_text())
    watcher.join(clean=False, expiry_s=HOUR_S)
    assert watcher.session_present
    peer(site, "writer", user="bob").join().publish("test/will/mark", "mark")
    if verb == "disable":
        assert watcher.next().payload == b"gone"
    else:
        assert "away: Will on test/will/away refused: there is no such user any more" in site.log_text()
    assert watcher.next().payload == b"mark"
    assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


def test_a_will_that_is_refused_is_told_with_role_and_rule(field, peer):
    away = peer(field, "away", will=("test/secret/will", "gone", 1, False), will_delay=HOUR_S)
    away.join(expiry_s=HOUR_S).drop()
    change_role(field, "alice", "tester", "limited")
    field.ok("reload")
    peer(field, "away").join()  # whose earlier session ends
    assert ("away: Will on test/secret/will refused: role limited: a rule denies it (rule test/secret/#)"
            in field.log_text())


def test_a_ban_of_the_user_keeps_the_session(field, peer):
    watcher, away = session_of_alice(field, peer)
    with_one_letter(field, peer, away)
    field.ok("ban", "user", "alice", "--for", "1h", "--reason", "a test")
    assert away.connect(clean=False, expiry_s=HOUR_S) == BANNED
    away.paho.loop_stop()
    field.ok("unban", "user", "alice")
    away.join(clean=False, expiry_s=HOUR_S)
    assert away.session_present
    assert away.next().payload == b"a letter"
    assert watcher.nothing()


def test_a_subscription_of_the_control_plane_does_not_come_with_the_session_to_another_listener(
        field, peer):
    """What the node says of itself is for the control listener only."""
    certificate = (str(field.folder / "pki/operator.crt"), str(field.folder / "pki/operator.key"))
    control = operator(field, peer, "desk").join(expiry_s=HOUR_S)
    control.read("$bastide/incident/#")
    control.drop()
    elsewhere = peer(field, "desk", tls=True, certificate=certificate)
    elsewhere.join(clean=False, expiry_s=HOUR_S)
    assert elsewhere.session_present
    assert [one["suspended"] for one in field.json("clients", "desk")["subscription_list"]] == [True]


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
    assert device.disconnected.wait(PATIENCE_S)


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
