# SPDX-License-Identifier: Apache-2.0
"""What bastide-ward blocks for a node: by order and by a play, with the ward there and away."""

import signal
import subprocess

from admin_api import order
from conftest import wait_until
from nets import FIELD_ADDRESS, NODE_ADDRESS, OTHER_ADDRESS
from peer import PATIENCE_S
from test_assess import evidence
from test_respond import LIMIT_S, in_force
from test_ward import ward  # noqa: F401, a fixture


def reaches(ward, source):
    return ward.nets.reaches(source, 2883)


def start_behind(ward, site, play=""):  # noqa: F811
    ward.asker = "root"
    site.config.write_text(
        site.config.read_text().replace("respond:\n", f"respond:\n  ward: {ward.socket}\n{play}", 1)
        .replace("listeners:\n", f"listeners:\n  - name: net\n    address: {NODE_ADDRESS}\n    port: 2883\n"
                 "    allow_plaintext_beyond_loopback: yes\n", 1))
    site.start(prefix=["ip", "netns", "exec", ward.nets.node])
    assert reaches(ward, FIELD_ADDRESS)


def blocks(site):
    return [m for m in site.json("respond")["in_force"] if (m["what"], m["target"]) == ("firewall", FIELD_ADDRESS)]


BLOCK_GUESSERS = "  playbooks:\n    - {kind: repeated-auth-failures, severity: high, steps: [firewall 1h]}\n"


def guess_from_the_field(ward, site):  # noqa: F811
    words = ["ip", "netns", "exec", ward.nets.field, "mosquitto_pub", "-h", NODE_ADDRESS, "-p", "2883",
             "-A", FIELD_ADDRESS, "-u", "alice", "-t", "a", "-m", "x"]
    guessers = [subprocess.Popen([*words, "-P", f"guess {i}"], stderr=subprocess.DEVNULL) for i in range(20)]
    wait_until(lambda: ("firewall", FIELD_ADDRESS) in in_force(site), "the guesser is blocked")
    for one in guessers:
        one.kill()
        one.wait()
    assert not reaches(ward, FIELD_ADDRESS)


def test_a_rollback_without_the_ward_says_so_and_is_made_up_for(ward, site):  # noqa: F811
    start_behind(ward, site, BLOCK_GUESSERS)
    guess_from_the_field(ward, site)
    number = site.json("incidents", "--kind", "repeated-auth-failures")[0]["id"]
    site.ok("respond", "run", "firewall", "address", FIELD_ADDRESS, "--for", "10m", "--reason", "it stays")
    ward.end()
    said = site.ok("incidents", "rollback", number)
    assert f"1 action undone; firewall of address {FIELD_ADDRESS} is in force still: " in said, "the delay is"
    assert "it is lifted as soon as that can be done, and ends by itself at " in said
    again = site.cli("incidents", "rollback", number)
    assert again.returncode == 1 and "is in force still" in again.stderr
    assert [m.get("undo_by", "")[:6] for m in blocks(site)] == ["admin:", ""]
    assert "UNDO WAITS" in site.ok("respond")
    ward.start()
    wait_until(lambda: len(blocks(site)) == 1, "it is made up for")
    assert not reaches(ward, FIELD_ADDRESS), "what a person ordered goes on"
    actions = site.json("incidents", "show", number)["actions"]
    assert [a["state"] for a in actions if a["what"] == "firewall"] == ["undone"]
    site.ok("respond", "undo", "firewall", "address", FIELD_ADDRESS)
    assert reaches(ward, FIELD_ADDRESS)
    assert site.end() == 0, site.log_text()


def test_two_blocks_of_one_address_are_one_for_the_ward(ward, site):  # noqa: F811
    start_behind(ward, site, BLOCK_GUESSERS)
    guess_from_the_field(ward, site)
    site.ok("respond", "run", "firewall", "address", FIELD_ADDRESS, "--for", "10m", "--reason", "it stays")
    before = ward.log_path.read_text()
    wait_until(lambda: ward.log_path.read_text().count("ping") > before.count("ping") + 1, "it is looked after")
    assert ward.log_path.read_text().count("block: ") == before.count("block: "), "and not asked for again"
    assert site.end() == 0, site.log_text()


def test_the_firewall_drops_packets_of_an_address_and_is_asked_again_when_it_forgets(ward, site):  # noqa: F811
    start_behind(ward, site)
    took = order(site, "/v1/responses", what="firewall", target_kind="address", target=FIELD_ADDRESS, for_s=600)
    print(f"firewall: in force after {took * 1000:.0f} ms")
    assert took < LIMIT_S
    assert not reaches(ward, FIELD_ADDRESS) and reaches(ward, OTHER_ADDRESS) is True
    assert evidence(site, "MQ.RS.RP-05.t3")["value"] == 1
    done = site.cli("respond", "run", "firewall", "address", OTHER_ADDRESS, "--for", "10m")
    assert done.returncode == 1 and "told never to block" in done.stderr
    ward.end()
    assert evidence(site, "MQ.RS.RP-05.t3")["value"] == 0, "nobody answers"
    ward.start()
    wait_until(lambda: not reaches(ward, FIELD_ADDRESS), "the node asks again")
    site.ok("respond", "undo", "firewall", "address", FIELD_ADDRESS)
    assert reaches(ward, FIELD_ADDRESS)
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(PATIENCE_S) == 0, site.log_text()
    site.process = None
    site.log.close()
