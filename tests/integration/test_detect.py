# SPDX-License-Identifier: Apache-2.0
"""What the configuration tells the detectors, seen from a client to the incident."""

import pytest

from conftest import wait_until
from peer import PATIENCE_S


def kinds(site, subject=None):
    return {i["kind"] for i in site.json("incidents") if subject in (None, i["subject"])}


@pytest.fixture
def lamps(site):
    """All testers may publish below test/; test/lamp and test/valve are commands, lamps are alice's."""
    site.change("\ncommand_topics:\n", "\ncommand_topics:\n  - test/valve/#\n")
    site.change("  tester:\n", "  tester:\n    command_topics: [test/lamp/#]\n")
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()


def test_a_role_may_command_what_is_its_own(lamps, peer):
    one = peer(lamps, "desk").join()
    one.publish("test/lamp/1", "on")
    one.publish("test/valve/1", "open")
    wait_until(lambda: "unauthorized-command" in kinds(lamps, "client:desk"), "the valve is told")
    incident, = [i for i in lamps.json("incidents") if i["kind"] == "unauthorized-command"]
    assert incident["samples"] == ["test/valve/1"], "and the lamp is not"


def test_a_message_that_nobody_has_to_read_is_not_undeliverable(site, peer):
    site.change("\ndetect:\n", "\ndetect:\n  time_scale: 60\n  unread_topics: [test/debug/#]\n")
    site.start()
    for topic in ("debug", "lost"):
        one = peer(site, topic).join()
        sent = [one.paho.publish(f"test/{topic}/x", str(i), 1) for i in range(120)]  # 50 within 5 s are told
        sent[-1].wait_for_publish(PATIENCE_S)
        one.leave()
    wait_until(lambda: "undeliverable-messages" in kinds(site, "client:lost"), "what is lost is told")
    assert "undeliverable-messages" not in kinds(site, "client:debug")
    assert site.end() == 0, site.log_text()


def test_who_must_be_there_is_asked_and_missed(site, peer):
    site.change("\ndetect:\n", "\ndetect:\n  time_scale: 60\n  ping_interval_s: 1\n")
    site.change("  tester:\n", "  tester:\n    ping_topic: test/ping/${client_id}\n")
    site.start()
    deaf, well = peer(site, "deaf").join(), peer(site, "well").join()

    def answer(client, _data, asked):  # at once, whatever the test waits for
        client.publish("test/pong", "here", 1)
        well.messages.put(asked)

    well.paho.on_message = answer
    for one in (deaf, well):
        one.read(f"test/ping/{'deaf' if one is deaf else 'well'}")
    wait_until(lambda: "client-unavailable" in kinds(site, "client:deaf"), "who does not answer is told")
    asked = well.next()
    assert asked.topic == "test/ping/well" and asked.payload == b""
    assert "client-unavailable" not in kinds(site, "client:well")
    assert site.end() == 0, site.log_text()
