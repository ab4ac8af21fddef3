# SPDX-License-Identifier: Apache-2.0
"""Those who watch: logs with Zeek's field names, and the tap on the control listener."""

import json
import re

from conftest import wait_until

SECRET = "the secret that is told to nobody"


def watch(site, *lines):
    site.change("\nroles:\n", "\nmonitor:\n" + "".join(f"  {x}\n" for x in lines) + "roles:\n")
    site.start()


def lines_in(path):
    """Those that are whole: the node may be writing."""
    return [json.loads(x) for x in path.read_text().splitlines(keepends=True) if x.endswith("\n")] if path.exists() else []


def lines_of(site, name):
    return lines_in(site.folder / f"watch/{name}.log")


def with_topic(lines, topic):
    return [x for x in lines if x.get("topic") == topic or topic in x.get("topics", [])]


def test_traffic_is_logged_without_payloads(site, peer):
    watch(site, "log_dir: watch")
    one = peer(site, "one", will=("test/will", SECRET, 1, False))
    one.join()
    one.read("test/#")
    one.publish("test/a", SECRET, qos=1, retain=True)
    one.unsubscribe("test/#")
    refused = peer(site, "limited", user="lena")
    refused.join()
    refused.publish("test/secret/x", SECRET, qos=1)
    one.leave()
    refused.leave()
    assert site.end() == 0

    connect = next(x for x in lines_of(site, "mqtt_connect") if x["client_id"] == "one")
    assert connect["connect_status"] == "Connection Accepted" and connect["will_topic"] == "test/will"
    assert connect["id.resp_p"] == site.port and connect["id.orig_h"] == "127.0.0.1"
    assert connect["user"] == "alice"
    subscribed, unsubscribed = with_topic(lines_of(site, "mqtt_subscribe"), "test/#")
    assert subscribed["uid"] == connect["uid"] and subscribed["granted_qos_level"] == 1
    assert unsubscribed["action"] == "MQTT::UNSUBSCRIBE"
    published = lines_of(site, "mqtt_publish")
    sent = with_topic(published, "test/a")[0]
    assert (sent["qos"], sent["retain"], sent["status"], sent["payload_len"]) == (
        "at least once", True, "ok", len(SECRET),
    )
    assert with_topic(published, "test/secret/x")[0]["status"] == "refused"
    for path in (site.folder / "watch").iterdir():
        assert SECRET not in path.read_text() and "a long secret" not in path.read_text()


def test_as_much_of_a_payload_is_shown_as_is_allowed_and_files_are_opened_anew_on_sighup(site, peer):
    watch(site, "log_dir: watch", "payload_bytes_max: 3")
    assert "3 bytes of each payload" in site.cli("check-config").stderr
    one = peer(site, "one")
    one.join()
    one.publish("test/a", "12345", qos=1)
    wait_until(lambda: with_topic(lines_of(site, "mqtt_publish"), "test/a"), "a line")
    shown = with_topic(lines_of(site, "mqtt_publish"), "test/a")[0]
    assert (shown["payload"], shown["payload_len"]) == ("123", 5)
    log = site.folder / "watch/mqtt_publish.log"
    log.rename(site.folder / "watch/moved")
    site.ok("reload")
    one.publish("test/b", "x", qos=1)
    wait_until(lambda: with_topic(lines_of(site, "mqtt_publish"), "test/b"), "a new file")
    one.leave()
    assert site.end() == 0


def operator(site, peer, client_id):
    certificate = (str(site.folder / "pki/operator.crt"), str(site.folder / "pki/operator.key"))
    return peer(site, client_id, tls=True, certificate=certificate, port=site.control_port)


def test_the_tap_is_for_the_control_listener_only(site, peer):
    watch(site, "tap: yes")
    desk = operator(site, peer, "desk")
    desk.join()
    desk.read("$bastide/tap/#")
    one = peer(site, "one")
    one.join()
    assert one.subscribe("$bastide/tap/#")[0] >= 0x80
    one.publish("test/a", SECRET, qos=1)
    seen = []
    while not with_topic(seen, "test/a"):
        message = desk.next()
        seen += [json.loads(x) for x in message.payload.decode().splitlines()]
        assert message.topic in ("$bastide/tap/mqtt_connect", "$bastide/tap/mqtt_subscribe", "$bastide/tap/mqtt_publish")
    assert SECRET not in json.dumps(seen)
    assert not any(x.get("topic", "").startswith("$bastide/") for x in seen)
    one.leave()
    desk.leave()
    assert site.end() == 0


def test_who_does_not_read_the_tap_delays_nobody(site, peer):
    watch(site, "tap: yes")
    desk = operator(site, peer, "desk")
    desk.join()
    desk.read("$bastide/tap/#")
    desk.paho.loop_stop()  # it reads no more
    reader, writer = peer(site, "reader"), peer(site, "writer")
    reader.join()
    reader.read("test/#", qos=0)
    writer.join()
    topic = "test/" + "long/" * 100
    for n in range(6000):
        writer.publish(topic, str(n), qos=0)
    writer.publish("test/last", "last", qos=1)
    got = [reader.next() for _ in range(6001)]
    assert got[-1].topic == "test/last"
    metrics = site.ok("metrics")
    assert int(re.search(r"^bastide_monitor_records_total (\d+)$", metrics, re.M)[1]) > 0
    reader.leave()
    writer.leave()
    assert site.end() == 0


def ours(lines):
    """The topics; those of the node's own trials are not there."""
    return [x["topic"] for x in lines]


def test_what_the_node_does_to_itself_is_left_out(site, peer):
    watch(site, "log_dir: watch")
    wait_until(lambda: "undo: quarantine of listener" in site.log_text(), "all trials but the last have been made")
    one = peer(site, "one").join()
    one.read("test/#")
    one.publish("test/a", SECRET, qos=1)
    one.leave()
    assert site.end() == 0
    for name in ("mqtt_connect", "mqtt_subscribe", "mqtt_publish"):
        assert {x["client_id"] for x in lines_of(site, name)} == {"one"}


def test_a_reload_changes_what_is_watched_and_where(site, peer):
    site.start()
    one = peer(site, "one")
    one.join()
    one.publish("test/before", SECRET, qos=1)
    site.change("\nroles:\n", "\nmonitor:\n  log_dir: watch\nroles:\n")
    site.ok("reload")
    one.publish("test/watched", SECRET, qos=1)
    wait_until(lambda: with_topic(lines_of(site, "mqtt_publish"), "test/watched"), "a line")
    site.change("  log_dir: watch\n", "  log_dir: other\n  payload_bytes_max: 3\n")
    site.ok("reload")
    one.publish("test/else", SECRET, qos=1)
    other = site.folder / "other/mqtt_publish.log"
    wait_until(lambda: with_topic(lines_in(other), "test/else"), "a line elsewhere")
    line, = with_topic(lines_in(other), "test/else")
    assert line["payload"] == SECRET[:3]
    site.change("\nmonitor:\n  log_dir: other\n  payload_bytes_max: 3\n", "\n")
    site.ok("reload")
    one.publish("test/after", SECRET, qos=1)
    one.leave()
    assert site.end() == 0
    logged, elsewhere = lines_of(site, "mqtt_publish"), lines_in(other)
    assert [ours(lines) for lines in (logged, elsewhere)] == [["test/watched"], ["test/else"]]
