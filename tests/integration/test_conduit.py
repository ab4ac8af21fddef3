# SPDX-License-Identifier: Apache-2.0
"""What one zone says to another can be blocked: live, retained, waiting"""

import pytest

from conftest import wait_until
from test_respond import in_force

ZONES = """zones:
  - {name: cell, prefixes: [127.0.1.0/24]}
  - {name: office, prefixes: [127.0.2.0/24]}
assets:
  - {name: Desk, client_id: desk, zone: office}
"""


@pytest.fixture
def zoned(site):
    (site.folder / "inventory.yaml").write_text(ZONES)
    site.start()
    yield site
    assert site.end() == 0, site.log_text()


def until_mark(one):
    """What the peer got before the message that ends the test."""
    got = []
    while not got or got[-1] != b"mark":
        got.append(one.next().payload)
    return got[:-1]


CONDUIT = ["quarantine", "conduit", "cell", "office"]


def test_what_one_zone_says_to_another_is_blocked_and_nothing_else(zoned, peer):
    plc = peer(zoned, "plc", source="127.0.1.5").join().read("test/#")
    historian = peer(zoned, "historian", user="bob", source="127.0.2.5").join().read("test/#")
    desk = peer(zoned, "desk", user="bob").join().read("test/#")  # of the office by its record
    elsewhere = peer(zoned, "elsewhere", user="bob").join().read("test/#")
    wait_until(lambda: "would hit 3 connections" in zoned.ok("respond", "run", *CONDUIT, "--dry-run"), "all are known")
    said = zoned.ok("respond", "run", *CONDUIT, "--for", "10m", "--reason", "odd")
    assert 'quarantine of conduit "cell" to "office": done; 3 connections hit' in said
    assert ("quarantine", "cell") in in_force(zoned)
    assert zoned.json("audit", "list")[-1]["object"] == "conduit cell office"
    plc.publish("test/state", "from the cell")
    historian.publish("test/answer", "from the office")
    # What came to the worker of elsewhere has come to whoever is on it, and on the others before the mark.
    assert sorted(elsewhere.texts(2)) == ["from the cell", "from the office"]
    elsewhere.publish("test/mark", "mark")
    assert sorted(until_mark(plc)) == [b"from the cell", b"from the office"]
    assert until_mark(elsewhere) == []
    assert until_mark(historian) == until_mark(desk) == [b"from the office"]
    zoned.ok("respond", "undo", *CONDUIT, "--reason", "repaired")
    plc.publish("test/state", "again")
    assert historian.next().payload == b"again"


def test_what_is_retained_or_waits_does_not_cross_a_closed_conduit(zoned, peer):
    plc = peer(zoned, "plc", source="127.0.1.5").join()
    elsewhere = peer(zoned, "elsewhere", user="bob").join()
    historian = peer(zoned, "historian", user="bob", source="127.0.2.5").join()
    away = peer(zoned, "away", user="bob", source="127.0.2.6").join(clean=False, expiry_s=600).read("test/#")
    away.close()
    plc.publish("test/state", "from the cell", retain=True)
    zoned.ok("respond", "run", *CONDUIT, "--for", "10m", "--reason", "odd")
    elsewhere.publish("test/mark", "mark")
    away = peer(zoned, "away", user="bob", source="127.0.2.6").join(clean=False, expiry_s=600)
    assert until_mark(away) == []
    historian.read("test/#")
    elsewhere.publish("test/mark", "mark")
    assert until_mark(historian) == []
    said = zoned.ok("respond", "undo", *CONDUIT, "--reason", "repaired")
    assert "is undone, with 1 retained and 0 waiting messages under it" in said, "what the cell has retained"
    assert historian.read("test/#").next().payload == b"from the cell", "it was kept"


def test_who_comes_to_a_zone_meanwhile_is_found_and_a_restart_keeps_it_closed(zoned, peer):
    zoned.ok("respond", "run", *CONDUIT, "--for", "10m", "--reason", "odd")
    for restarted in (False, True):
        if restarted:
            assert zoned.end() == 0, zoned.log_text()
            zoned.start()
        late = peer(zoned, f"late-{restarted}", source="127.0.1.7").join()
        desk = peer(zoned, "desk", user="bob").join().read("test/#")
        elsewhere = peer(zoned, "elsewhere", user="bob").join()

        def crosses():
            late.publish("test/late", "late")
            elsewhere.publish("test/mark", "mark")
            return until_mark(desk) != []

        wait_until(lambda: not crosses(), "it is known to be of the cell")


@pytest.mark.parametrize("words, why", [
    (["cell", "attic"], "there is no zone \"attic\"; the inventory has cell, office"),
    (["cell", "cell"], "leads to itself"),
    (["cell"], "name the one that it leads to"),
    (["cell", "office", "--direction", "publish"], "has one direction"),
])
def test_a_conduit_that_cannot_be_is_refused_and_says_why(zoned, words, why):
    refused = zoned.cli("respond", "run", "quarantine", "conduit", *words)
    assert refused.returncode != 0 and why in refused.stderr
