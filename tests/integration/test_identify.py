# SPDX-License-Identifier: Apache-2.0
"""What the node learns of its devices, with clients that we did not write."""

import base64
import contextlib
import csv
import ctypes
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import PATIENCE_S, wait_until
from peer import Raw, connect_packet, publish_packet, subscribe_packet
from test_assess import evidence
from test_storm import begin, counted

METRICS = {"Properties/Hardware Make": "Acme", "Properties/FW": "1.4.2"}


def birth(metrics):
    """A Sparkplug B payload: timestamp, then metrics with name, datatype and string_value."""
    payload = b"\x08\x01"
    for name, text in metrics.items():
        body = b"\x0a" + bytes([len(name)]) + name.encode() + b"\x20\x0c" + b"\x7a" + bytes([len(text)]) + text.encode()
        payload += b"\x12" + bytes([len(body)]) + body
    return payload


class Device:
    """A paho client of MQTT 5 that says what it is."""

    def __init__(self, site, client_id, said, tls=False):
        connected = threading.Event()
        self.paho = mqtt.Client(client_id, protocol=mqtt.MQTTv5)
        self.paho.on_connect = lambda *_: connected.set()
        properties = Properties(PacketTypes.CONNECT)
        properties.UserProperty = said
        if tls:
            self.paho.tls_set(site.ca, *site.certificate("device-1"))
            self.paho.connect("localhost", site.tls_port, properties=properties)
        else:
            self.paho.connect("127.0.0.1", site.port, properties=properties)
        self.paho.loop_start()
        assert connected.wait(PATIENCE_S)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


def asset(node, client_id):
    found = [x for x in node.json("assets") if x.get("client_id") == client_id]
    return found[0] if found else {}


def test_user_properties_and_births_are_kept_with_the_asset(node):
    device = Device(node, "edge", [("firmware", "2.0"), ("user-agent", "paho 1.6"), ("mood", "fine")])
    wait_until(lambda: "traits" in asset(node, "edge"), "traits")
    assert asset(node, "edge")["traits"] == {"firmware": "2.0", "library": "paho 1.6"}
    assert asset(node, "edge")["protocol"] == "5.0"
    device.close()


def key_print(certificate):
    """SHA-256 of the public key, by other means."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    der = base64.b64decode(b"".join(key.splitlines()[1:-1]))
    return hashlib.sha256(der[-65:]).hexdigest()  # the point of P-256, without what says that it is one


def test_tls_is_kept_with_the_asset(field):
    device = Device(field, "device-1", [], tls=True)
    wait_until(lambda: "traits" in asset(field, "device-1"), "traits")
    traits = asset(field, "device-1")["traits"]
    assert traits["tls_version"] == "TLSv1.3"
    assert traits["tls_cipher"].startswith("TLS_")
    assert traits["tls_group"] in ("x25519", "X25519", "secp256r1", "prime256v1")
    assert traits["certificate_key"] == "EC P-256"
    assert traits["certificate_signature"] == "ecdsa-with-SHA256"
    assert traits["certificate_not_after"].endswith("Z")
    assert traits["certificate_not_before"] < traits["certificate_not_after"] and len(traits["certificate_key_print"]) == 64
    assert traits["certificate_key_print"] == key_print(field.certificate("device-1")[0]), "its own, not the node's"
    device.close()


def test_a_birth_tells_of_the_node_and_of_what_is_behind_it(home):
    text = home.config.read_text().replace("open/#\n      - sub", "spBv1.0/#\n      - sub", 1)
    home.config.write_text(text)
    home.start()
    device = Device(home, "edge", [])
    device.paho.publish("spBv1.0/plant/NBIRTH/edge", birth(METRICS), 1).wait_for_publish(PATIENCE_S)
    device.paho.publish("spBv1.0/plant/DBIRTH/edge/pump", birth(METRICS), 1).wait_for_publish(PATIENCE_S)
    wait_until(lambda: "components" in asset(home, "edge"), "components")
    found = asset(home, "edge")
    assert found["traits"] == {"manufacturer": "Acme", "firmware": "1.4.2"}
    assert found["components"] == [{"name": "pump", "traits": found["traits"]}]
    device.close()
    assert home.end() == 0


INVENTORY = """\
# kept: a comment
zones:
  - {name: here, prefixes: [127.0.0.0/8]}
assets:
  - name: Edge
    client_id: edge
    firmware: "1.0"
    owner: Field
"""


def declared(home, text=INVENTORY):
    (home.folder / "inventory.yaml").write_text(text)
    home.config.write_text(home.config.read_text() + "inventory_file: inventory.yaml\n")
    home.start()


def test_what_differs_is_listed_filtered_and_written_in_each_format(home):
    declared(home)
    edge = Device(home, "edge", [("fw", "2.0")])
    other = Device(home, "=other", [])
    wait_until(lambda: len(home.json("assets", "--connected")) == 2, "two assets")
    wait_until(lambda: "traits" in asset(home, "edge"), "traits")
    assert asset(home, "edge")["differences"] == [{"what": "firmware", "declared": "1.0", "seen": "2.0"}]
    names = lambda *words: sorted(x["name"] for x in home.json("assets", *words))
    assert names("--state", "learned") == names("--search", "OTHER") == ["=other"]
    assert names("--zone", "here", "--different", "--state", "declared") == ["Edge"]
    assert names("--role", "none") == []

    rows = list(csv.DictReader(io.StringIO(home.ok("assets", "--csv"))))
    assert {x["name"] for x in rows} == {"Edge", "'=other"}
    assert next(x for x in rows if x["name"] == "Edge")["differs"] == "firmware: 1.0 -> 2.0"
    bom = json.loads(home.ok("assets", "--cyclonedx"))
    assert bom["bomFormat"] == "CycloneDX" and {x["name"] for x in bom["components"]} == {"Edge", "=other"}
    assert "firmware: 1.0 -> 2.0" in home.ok("assets")
    assert home.cli("assets", "--csv", "--json").returncode == 2
    edge.close()
    other.close()
    assert home.end() == 0


TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|->|[\w.]+|[{}\[\]=,;]')


def check_dot(text):
    """It is made of DOT's tokens and no others, so that no name got out of its quotes; brackets match."""
    at, depth = 0, 0
    while at < len(text):
        token = TOKEN.match(text, at)
        assert token, text[at:at + 40]
        at = token.end()
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        assert depth >= 0
    assert depth == 0 and text.startswith("digraph ")


def test_maps_are_for_graphviz(home):
    declared(home)
    one, two = Device(home, "edge", []), Device(home, 'two "x"', [])
    two.paho.subscribe("open/#")
    wait_until(lambda: home.json("clients", "two \"x\"")["subscriptions"] == 1, "a subscription")
    one.paho.publish("open/a", b"1", 1).wait_for_publish(PATIENCE_S)
    wait_until(lambda: home.json("flows") != [], "a flow")
    flow = home.json("flows", "--undeclared", "--topic", "OPEN", "--zone", "here")[0]
    assert (flow["from"], flow["topic"], flow["to"], flow["crosses_zones"]) == ("Edge", "open/a", 'two "x"', False)
    assert home.json("flows", "--cross-zone") == []
    assert "open/a" in home.ok("flows", "--csv")
    for verb in ("assets", "flows"):
        check_dot(home.ok(verb, "--dot"))
        assert '[label="Edge' in home.ok(verb, "--dot")
    one.close()
    two.close()
    assert home.end() == 0


def test_crypto_is_listed_and_filtered(field):
    device = Device(field, "device-1", [], tls=True)
    wait_until(lambda: "traits" in asset(field, "device-1"), "traits")
    found = [x for x in field.json("crypto") if x["name"] == "device-1"]
    assert found[0]["tls_version"] == "TLSv1.3" and found[0]["profile"] == "no-profile"
    assert [x["name"] for x in field.json("crypto", "--expiring", "100000")] == ["device-1"]
    assert field.json("crypto", "--expiring", "1") == field.json("crypto", "--outside") == []
    assert "EC P-256" in field.ok("crypto") and "EC P-256" in field.ok("crypto", "--csv")
    assert field.cli("crypto", "--expiring", "soon").returncode == 2
    device.close()


def test_devices_are_imported_into_the_inventory(home):
    declared(home)
    device = Device(home, "new", [("fw", "3.0")])
    wait_until(lambda: "traits" in asset(home, "new"), "traits")
    for name, option in (("a.csv", "--csv"), ("b.json", "--json"), ("c.json", "--cyclonedx")):
        (home.folder / name).write_text(home.ok("assets", option))
    inventory = home.folder / "inventory.yaml"
    for name in ("a.csv", "b.json", "c.json"):
        inventory.write_text(INVENTORY)
        assert "1 added, 1 there already" in home.cli("assets", "import", str(home.folder / name)).stderr
        text = inventory.read_text()
        assert text.startswith("# kept: a comment") and "owner: Field" in text and '"new"' in text
        assert 'firmware: "3.0"' in text
        assert "0 added, 2 there already, 0 left out" in home.cli("assets", "import", str(home.folder / name)).stderr
        assert inventory.read_text() == text
    home.ok("reload")
    wait_until(lambda: asset(home, "new")["state"] == "declared", "declared")
    assert asset(home, "new")["differences"] == []

    before = inventory.read_text()
    (home.folder / "bad.csv").write_text("name,client_id,zone\nx,x,nowhere\n")
    done = home.cli("assets", "import", str(home.folder / "bad.csv"))
    assert done.returncode == 1 and 'no zone is named "nowhere"' in done.stderr
    assert inventory.read_text() == before
    done = home.cli("assets", "import", "--dry-run", str(home.folder / "bad.csv"))
    assert done.returncode == 1 and f"{home.folder}/bad.csv: row 1 (x): no zone" in done.stderr and done.stdout == ""
    assert "name: \"y\"" in home.ok("assets", "import", "--dry-run", str(write(home, "name,user_name\ny,y\n")))
    assert inventory.read_text() == before
    device.close()
    assert home.end() == 0


def test_what_is_left_out_of_an_import_is_named(home):
    declared(home)
    # As a spreadsheet writes it where a comma stands in numbers.
    done = home.cli("assets", "import", str(write(home, "name;clent_id;user_name;colour\na;a;;red\nb;;b;\n")))
    assert done.returncode == 1
    assert 'column "clent_id" is left out: the inventory has no such key; is it client_id?' in done.stderr
    assert 'column "colour" is left out' in done.stderr
    assert "row 1 (a): left out; it needs a name, and client_id, certificate_cn or user_name" in done.stderr
    assert "1 added, 0 there already, 1 left out" in done.stderr
    assert 'user_name: "b"' in (home.folder / "inventory.yaml").read_text()
    done = home.cli("assets", "import", str(write(home, "name,client_id\nodd,c\x7fd\ne,e\n")))
    assert "row 1 (odd): left out; it has control characters or such that are not seen in client_id" in done.stderr
    assert "1 added, 0 there already, 1 left out" in done.stderr
    assert home.end() == 0


def test_a_device_with_a_certificate_is_declared_under_whatever_client_id(field):
    """What is exported of it must not tie it to the client id that it had at that moment."""
    device = Device(field, "this-time", [], tls=True)
    wait_until(lambda: "traits" in asset(field, "this-time"), "traits")
    for name, option in (("a.csv", "--csv"), ("b.json", "--json"), ("c.json", "--cyclonedx")):
        (field.folder / name).write_text(field.ok("assets", option))
        said = field.cli("assets", "import", str(field.folder / name), "--dry-run")
        assert 'certificate_cn: "device-1"' in said.stdout and "client_id" not in said.stdout
    field.ok("assets", "import", str(field.folder / "a.csv"))
    field.ok("reload")
    device.close()
    device = Device(field, "next-time", [], tls=True)
    wait_until(lambda: asset(field, "next-time").get("state") == "declared", "declared")
    assert asset(field, "next-time")["differences"] == []
    said = field.cli("assets", "import", str(field.folder / "a.csv"), "--dry-run")
    assert said.returncode == 0 and said.stdout == "" and "runtime error" not in said.stderr
    device.close()


def test_flows_are_imported_into_the_inventory(home):
    declared(home)
    one, two = Device(home, "edge", []), Device(home, "two", [])
    two.paho.subscribe("open/#")
    wait_until(lambda: home.json("clients", "two")["subscriptions"] == 1, "a subscription")
    one.paho.publish("open/a", b"1", 1).wait_for_publish(PATIENCE_S)
    wait_until(lambda: home.json("flows", "--undeclared") != [], "a flow")
    (home.folder / "a.csv").write_text(home.ok("flows", "--csv"))
    (home.folder / "b.json").write_text(home.ok("flows", "--json"))
    inventory = home.folder / "inventory.yaml"
    for name in ("a.csv", "b.json"):
        inventory.write_text(INVENTORY)
        assert "1 added, 0 there already" in home.cli("flows", "import", str(home.folder / name)).stderr
        assert "0 added, 1 there already" in home.cli("flows", "import", str(home.folder / name)).stderr
    home.ok("reload")
    assert home.json("flows", "--undeclared") == []
    (home.folder / "interval.csv").write_text("name,client_id,expected_interval_s\nx,x,60\n")
    assert "1 added" in home.cli("assets", "import", str(home.folder / "interval.csv")).stderr
    one.close()
    two.close()
    assert home.end() == 0


def write(home, text):
    path = home.folder / "more.csv"
    path.write_text(text)
    return path


def test_a_device_that_was_kept_out_counts_as_checked_when_it_was_inspected_before_it_came_back(home):
    declared(home)
    edge = Device(home, "edge", [])
    wait_until(lambda: asset(home, "edge"), "the asset")
    home.ok("ban", "client", "stranger", "--for", "1s")
    home.ok("ban", "client", "edge", "--for", "1s", "--reason", "odd data")
    wait_until(lambda: home.json("bans") == [], "their time is over")
    home.ok("ban", "client", "edge", "--for", "1h", "--reason", "odd data again")
    assert home.cli("assets", "inspect", "Edge").returncode == 2
    refused = home.cli("assets", "inspect", "Nobody", "--reason", "x")
    assert refused.returncode == 1 and "no record of the name" in refused.stderr
    assert "Edge is inspected" in home.ok("assets", "inspect", "Edge", "--reason", "firmware hash, seal")
    home.ok("unban", "client", "edge")
    seen = {t: evidence(home, f"MQ.RC.RP-06.{t}") for t in ("t1", "t2", "t3")}
    assert (seen["t1"]["value"], seen["t1"]["samples"]) == (0.5, 2), "the first time nobody looked"
    assert 0 <= seen["t2"]["value"] < 1 and seen["t2"]["samples"] == 1
    assert seen["t3"]["value"] == 0.5
    told = [(e["actor"], e["action"], e["object"], e["result"]) for e in home.json("audit", "list")]
    assert ("node", "unban", "client edge", "done, its time is over: ban for 1s") in told
    assert [e[2] for e in told if e[1] == "inspect"] == ["Edge"]
    edge.close()
    assert home.end() == 0


def test_a_state_is_set_by_hand_and_audited_and_one_that_is_lost_is_an_incident(home):
    declared(home)
    edge = Device(home, "edge", [])
    wait_until(lambda: asset(home, "edge"), "the asset")
    assert "Edge is maintenance" in home.ok("assets", "state", "Edge", "maintenance", "--reason", "new battery")
    assert asset(home, "edge")["lifecycle"] == "maintenance"
    assert home.cli("assets", "state", "Edge", "lost").returncode == 2
    for words, why in ((("Nobody", "lost"), "no record of the name"), (("Edge", "away"), "planned, approved")):
        refused = home.cli("assets", "state", *words, "--reason", "x")
        assert refused.returncode == 1 and why in refused.stderr
    home.ok("assets", "state", "Edge", "lost", "--reason", "stolen from the pole")
    wait_until(lambda: [i for i in home.json("incidents") if i["kind"] == "retired-device"], "an incident")
    assert {"what": "lifecycle", "declared": "lost", "seen": "connected"} in asset(home, "edge")["differences"]
    entries = [e for e in home.json("audit", "list") if e["action"] == "state"]
    assert [(e["object"], e["result"], e["reason"]) for e in entries] == [
        ("Edge", "maintenance", "new battery"), ("Edge", "lost", "stolen from the pole")]
    edge.close()
    wait_until(lambda: not [i for i in home.json("incidents", "--state", "open") if i["kind"] == "retired-device"], "its end")
    assert home.end() == 0


# ---- events that are shed ----


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000
BLOCKS_MAX = 512  # of node/sentinel.c


@contextlib.contextmanager
def sentinel_stopped(site):
    """The thread of the control plane alone, as a debugger does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tasks = pathlib.Path(f"/proc/{site.process.pid}/task")
    tid, = [int(t.name) for t in tasks.iterdir() if (t / "comm").read_text() == "sentinel\n"]
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        assert libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())
    assert libc.waitpid(tid, None, WALL) == tid
    try:
        yield
    finally:
        assert libc.ptrace(PTRACE_DETACH, tid, None, None) == 0


def device(site, name):
    raw = Raw(site)
    raw.send(connect_packet(name) + subscribe_packet(f"test/of/{name}", 0))
    assert raw.packet()[0] == 0x20 and raw.packet()[0] == 0x90
    return raw


def connected(site):
    return {a["client_id"] for a in site.json("assets") if a["connected"]}


def test_who_comes_and_goes_while_events_are_shed_is_known_later(site):
    begin(site)
    site.ok("respond", "suspend", "--for", "10m")  # so many topics look like a scan
    goes, stays = device(site, "goes"), device(site, "stays")
    wait_until(lambda: connected(site) == {"goes", "stays"}, "they are known")
    with sentinel_stopped(site):
        for i in range(3 * BLOCKS_MAX):  # a block each, but for topics that are taken for known
            stays.send(publish_packet(f"test/{i}", b"", qos=1, packet_id=1))
            assert stays.packet()[0] == 0x40
        goes.send(b"\xe0\x00")
        assert goes.rest_until_closed() == b""
        comes = device(site, "comes")
        came_and_went = device(site, "came-and-went")
        came_and_went.send(b"\xe0\x00")
        assert came_and_went.rest_until_closed() == b""
        comes.send(publish_packet("test/again", b"", qos=1, packet_id=1))
        assert comes.packet()[0] == 0x40
    wait_until(lambda: connected(site) == {"stays", "comes"}, "who comes is known, and that who goes has gone")
    assert counted(site, "event_blocks_shed") > 0
    says = device(site, "says")
    says.send(publish_packet("test/of/comes", b"", qos=1, packet_id=1))
    wait_until(lambda: ("says", "comes") in {(f["from"], f["to"]) for f in site.json("flows")},
               "what it subscribes to is known, too")
    for raw in (stays, comes, says):
        raw.close()
    assert site.end() == 0, site.log_text()
