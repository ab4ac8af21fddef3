# SPDX-License-Identifier: Apache-2.0
"""What the node learns of its devices, with clients that we did not write."""

import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import PATIENCE_S, wait_until

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
