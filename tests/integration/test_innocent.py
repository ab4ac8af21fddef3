# SPDX-License-Identifier: Apache-2.0
"""Nobody can have the node act against another: with a name, a client id, or an address that is shared."""

import pytest

from conftest import wait_until
from peer import guesses

ATTACKER, VICTIM = "127.0.0.9", "127.0.0.7"
GUESSES = 11  # beyond what repeated-auth-failures calls high
FLAPS = 20    # beyond what repeated-connection-attempts allows


@pytest.fixture
def strict(site):
    """It acts from the first moment on."""
    assert "enforce: yes" in site.config.read_text()
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def flap(site, peer, client_id):
    for _ in range(FLAPS):
        one = peer(site, client_id, tls=True, certificate=site.certificate("device-1"), source=ATTACKER)
        one.connect()
        one.close()


def found(site, kind):
    return [i for i in site.json("incidents") if i["kind"] == kind]


def states(incident):
    return {a["what"]: a["state"] for a in incident["actions"]}


def is_fine(site, peer, one, source=VICTIM):
    """It was not cut off, works, and may come again."""
    assert not one.disconnected.is_set()
    one.publish("test/fine", "fine")
    assert one.next().payload == b"fine"
    again = peer(site, "again", user="alice", source=source).join()
    again.close()


@pytest.mark.parametrize("client_id", ["guesser", "victim"])
def test_guessing_under_the_name_of_a_victim_shuts_out_the_guesser_alone(strict, peer, client_id):
    victim = peer(strict, "victim", source=VICTIM).join().read("test/fine")
    with guesses(strict, GUESSES, lambda _: client_id, source=ATTACKER):
        wait_until(lambda: ATTACKER in {b["subject"] for b in strict.json("bans")}, "the guesser's address is banned")
    is_fine(strict, peer, victim)
    assert not hits_the_victim(strict)


def hits_the_victim(site):
    return [m for m in site.json("respond")["in_force"] if VICTIM in (m["target"], m.get("address"))]


def test_flapping_with_the_client_id_of_a_victim_does_not_cut_it_off(strict, peer):
    """By somebody who has a certificate of his own: the id is another's, so he is refused."""
    victim = peer(strict, "victim", source=VICTIM).join().read("test/fine")
    flap(strict, peer, "victim")
    is_fine(strict, peer, victim)
    assert not hits_the_victim(strict)


def test_who_has_the_secret_of_a_victim_as_well_gets_nobody_shut_out_at_its_address(strict, peer):
    """The session is taken over each time; whatever follows is not aimed at where the victim comes from."""
    victim = dict(tls=True, certificate=strict.certificate("device-1"), source=VICTIM)
    peer(strict, "device-1", **victim).join()
    flap(strict, peer, "device-1")
    assert not hits_the_victim(strict)
    is_fine(strict, peer, peer(strict, "device-1", **victim).join().read("test/fine"))


@pytest.mark.parametrize("n_others", [1, 5])
def test_an_attack_from_behind_an_address_that_others_share_waits_for_a_person(strict, peer, n_others):
    others = [peer(strict, f"other-{i}", source=ATTACKER).join() for i in range(n_others)]
    for one in others:
        one.read("test/fine")
    with guesses(strict, GUESSES, source=ATTACKER):
        wait_until(lambda: any(states(i).get("ban") == "held" for i in found(strict, "repeated-auth-failures")),
                   "the ban waits for approval")
    assert strict.json("bans") == []
    assert {h["what"] for h in strict.json("respond")["held"]} == {"ban"}
    is_fine(strict, peer, others[0], source=ATTACKER)


def test_topics_below_which_a_critical_client_writes_are_not_blocked(site, peer):
    site.change("respond:\n", """respond:
  playbooks:
    - kind: repeated-auth-failures
      subject: address
      severity: high
      steps: [quarantine test/+/command both 10m]
""")
    site.change("  tester:\n", "  tester:\n    critical: yes\n")
    site.start()
    master = peer(site, "master", source=VICTIM).join()
    master.publish("test/breaker/command", "open")
    with guesses(site, GUESSES, source=ATTACKER):
        wait_until(lambda: any(states(i).get("quarantine") == "withheld" for i in found(site, "repeated-auth-failures")),
                   "it is withheld")
    assert "quarantine" not in {m["what"] for m in site.json("respond")["in_force"]}
    assert site.end() == 0, site.log_text()
