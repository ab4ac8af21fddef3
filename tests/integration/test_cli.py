# SPDX-License-Identifier: Apache-2.0
"""The operator's commands on a running node, with MQTT clients that we did not write."""

import json
import os
import signal
import subprocess
import threading

import paho.mqtt.client as mqtt
import pytest

from conftest import BASTIDE, CONFIG, PATIENCE_S, clients, is_of_trials, wait_until

OK, NO, USAGE, UNREACHABLE = 0, 1, 2, 3
BANNED, ADMINISTRATIVE_ACTION = 138, 152


class Client:
    """A paho client that remembers how it was treated."""

    def __init__(self, node, client_id, protocol=mqtt.MQTTv5, source=""):
        self.connack = None
        self.disconnect = None
        self.connected = threading.Event()
        self.disconnected = threading.Event()
        self.subscribed = threading.Event()
        self.paho = mqtt.Client(client_id, protocol=protocol)
        self.paho.reconnect_delay_set(3600, 3600)
        self.paho.on_connect = self.on_connect
        self.paho.on_disconnect = self.on_disconnect
        self.paho.on_subscribe = lambda *_: self.subscribed.set()
        self.paho.connect("127.0.0.1", node.port, keepalive=60, bind_address=source)
        self.paho.loop_start()

    def on_connect(self, _client, _data, _flags, reason, _properties=None):
        self.connack = getattr(reason, "value", reason)
        self.connected.set()

    def on_disconnect(self, _client, _data, reason, _properties=None):
        self.disconnect = getattr(reason, "value", reason)
        self.disconnected.set()

    def wait_connected(self):
        assert self.connected.wait(PATIENCE_S)
        assert self.connack == 0
        return self

    def subscribe(self, topic):
        self.paho.subscribe(topic, 1)
        assert self.subscribed.wait(PATIENCE_S)
        return self

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture
def client(node):
    made = []

    def make(client_id, **more):
        made.append(Client(node, client_id, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def run(*words, **more):
    return subprocess.run(
        [BASTIDE, *words], capture_output=True, text=True, timeout=PATIENCE_S, **more
    )


# ---- without a node ----


def test_help_lists_each_verb_and_each_verb_has_help():
    reference = json.loads(run("reference").stdout)
    listed = run("help").stdout
    for verb in reference["verbs"]:
        assert f"  {verb['name']} " in listed
        for words in (["help", verb["name"]], [verb["name"], "--help"]):
            done = run(*words)
            assert done.returncode == OK
            assert done.stdout.startswith(f"bastide {verb['name']} - {verb['summary']}\n")
            assert all(option["name"] in done.stdout for option in verb["options"])


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "usage: bastide VERB"),
        (["statsu"], "did you mean status"),
        (["frobnicate"], "there is no verb frobnicate"),
        (["status", "--jsn"], "there is no option --jsn; did you mean --json; see bastide help status"),
        (["status", "--sokcet=x"], "there is no option --sokcet; did you mean --socket; see"),
        (["status", "--frobnicate"], "there is no option --frobnicate; see"),
        (["status", "now"], "unexpected operand now"),
        (["ban", "user"], "too few operands"),
        (["ban", "user", "eve", "--for"], "--for needs an argument"),
        (["ban", "user", "eve", "--for", "10"], "no time like 90s"),
        (["ban", "user", "\udcff"], "no UTF-8"),
        (["incidents", "ack"], "say [list | show ID"),
        (["incidents", "rollback", "I-1", "--note", "x"], "takes no --note"),
        (["incidents", "ack", "I-1", "--as", "true"], "takes no --as"),
        (["incidents", "burn", "I-1"], "say [list | show ID"),
        (["assets", "--state", "foo"], "--state takes declared, learned or declared-not-seen"),
        (["stop", "-c", "a/bastide.yaml", "--home", "b"], "give one of --config and --home"),
        (["audit", "export", "--json"], "--json is for list and verify"),
        (["backup", "verify", "x", "--json"], "--json is for list"),
        (["key", "rotate", "--json"], "--json is for list"),
        (["pki", "issue", "client", "x", "--json"], "--json is for list and show"),
        (["user", "disable", "x", "--json"], "--json is for list"),
        (["respond", "suspend"], "suspend takes --for"),
        (["respond", "suspend", "--for", "25h"], "at most 24h"),
        (["acl", "explain", "--publish", "a"], "give --client"),
        (["acl", "explain", "--client", "a"], "give one of --publish"),
        (["acl", "explain", "--client", "a", "--publish", "a/#"], "has no + or #"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_why(words, says, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == USAGE
    assert says in done.stderr


@pytest.mark.parametrize("words", [["status"], ["check-config"], ["user", "list"], ["run"]])
def test_where_there_is_no_home_it_says_how_to_make_one(words, tmp_path):
    done = run(*words, "--home", tmp_path / "new")
    assert done.returncode == NO
    assert f"{tmp_path}/new/bastide.yaml: cannot be read: No such file or directory\n" in done.stderr
    assert "  bastide init DIR makes a node's home\n" in done.stderr
    assert "bastide init" not in run(*words, "--home", "/dev/null").stderr  # it would not help


def test_without_a_configuration_it_says_how_to_name_one(tmp_path):
    bare = {name: value for name, value in os.environ.items() if name != "BASTIDE_HOME"}
    done = run("status", cwd=tmp_path, env=bare)
    assert done.returncode == USAGE
    assert "--home DIR" in done.stderr


@pytest.mark.parametrize("verb", ["status", "clients", "incidents", "bans", "reload", "stop"])
def test_without_a_node_the_exit_status_is_3(home, verb):
    done = home.cli(verb)
    assert done.returncode == UNREACHABLE
    assert "no node runs" in done.stderr


def test_the_configuration_is_found_by_option_environment_and_folder(home):
    bare = {name: value for name, value in os.environ.items() if name != "BASTIDE_HOME"}
    for done in (
        run("check-config", "-c", str(home.config)),
        run("check-config", f"--home={home.folder}"),
        run("check-config", env={**bare, "BASTIDE_HOME": str(home.folder)}),
        run("check-config", env=bare, cwd=home.folder),
    ):
        assert done.returncode == OK, done.stderr
        assert "is in order" in done.stdout


def test_check_config_names_the_place_of_an_error(home):
    home.write(CONFIG.replace("plane: delivery", "plane: delivry"))
    done = home.cli("check-config")
    assert done.returncode == NO
    assert f"{home.config}:" in done.stderr
    assert "delivry" in done.stderr


def test_check_config_and_reload_read_the_inventory_as_a_start_does(home):
    inventory = home.folder / "inventory.yaml"
    inventory.write_text("assets: []\n")
    home.config.write_text(home.config.read_text() + "inventory_file: inventory.yaml\n")
    assert "is in order" in home.ok("check-config")
    home.start()
    inventory.write_text("assets:\n  - {nam: x}\n")
    for words in (["check-config"], ["reload"], ["run"]):
        done = home.cli(*words)
        assert done.returncode == NO and 'inventory.yaml:2:6: "nam" is not known here' in done.stderr, words
        assert "is in order" not in done.stdout
        if words == ["reload"]:
            assert "nothing was changed" in done.stderr
            assert home.end() == 0, home.log_text()


def test_check_config_warns_of_anonymous_listeners(home):
    assert "ANONYMOUS" in home.ok("check-config")


@pytest.mark.parametrize(
    "words, status, says",
    [
        (["--publish", "open/a"], OK, "open/#"),
        (["--publish", "open/secret/a"], NO, "open/secret/#"),
        (["--publish", "elsewhere"], NO, "DENIED"),
        (["--subscribe", "read/m1/x"], OK, "read/${client_id}/+"),
        (["--subscribe", "read/m2/x"], NO, "DENIED"),
        (["--subscribe", "$share/group/open/x"], OK, "ALLOWED"),
        (["--subscribe", "#"], NO, "DENIED"),
        (["--user", "nobody", "--publish", "open/a"], NO, "not let in"),
        (["--publish", "open/+"], USAGE, "has no + or #"),
        (["--subscribe", "open/#/a"], USAGE, "open/#/a is no topic filter"),
        (["--subscribe", "$share/group/open/a+"], USAGE, "is no topic filter"),
    ],
)
def test_acl_explain_names_the_rule_that_decides(home, words, status, says):
    done = home.cli("acl", "explain", "--client", "m1", *words)
    assert done.returncode == status, done.stderr
    assert says in (done.stderr if status == USAGE else done.stdout)


# ---- a running node ----


def test_status_shows_the_node_and_its_listeners(node):
    status = node.json("status")
    assert status["node"] == "test-1"
    assert status["location"] == "Test bench"
    assert status["pid"] == node.process.pid
    assert status["workers"] == 2
    assert [(x["name"], x["port"], x["tls"], x["anonymous"]) for x in status["listeners"]] == [
        ("field", node.port, False, True)
    ]
    text = node.ok("status")
    assert "test-1" in text and "Test bench" in text and str(node.port) in text


def test_clients_shows_sessions_and_one_with_its_subscriptions(node, client):
    client("meter-1").wait_connected().subscribe("open/+/power")
    client("meter-2", protocol=mqtt.MQTTv311).wait_connected().subscribe("$share/readers/open/+/power")

    shown = {x["client_id"]: x for x in clients(node)}
    assert set(shown) == {"meter-1", "meter-2"}
    assert shown["meter-1"]["connected"] is True
    assert shown["meter-1"]["protocol"] == "5.0"
    assert shown["meter-2"]["protocol"] == "3.1.1"
    assert shown["meter-1"]["address"] == "127.0.0.1"
    assert shown["meter-1"]["role"] == "guest"
    assert shown["meter-1"]["subscriptions"] == 1

    table = node.ok("clients").splitlines()
    assert table[0].startswith("CLIENT")
    names = (line.split()[0] for line in table[1:])
    assert sorted(name for name in names if not is_of_trials(name)) == ["meter-1", "meter-2"]
    wait_until(lambda: node.json("status")["clients_connected"] == 2, "both, and none of the node's own trials")

    one = node.json("clients", "meter-1")
    assert one["subscription_list"] == [{"filter": "open/+/power", "qos": 1, "suspended": False}]
    assert node.ok("clients", "meter-1").splitlines()[-1].split() == ["open/+/power", "-", "1", "no"]
    assert node.ok("clients", "meter-2").splitlines()[-1].split() == ["open/+/power", "readers", "1", "no"]

    done = node.cli("clients", "meter-9")
    assert done.returncode == NO
    assert 'no session has the client id "meter-9"' in done.stderr


def test_a_client_id_cannot_turn_a_line_around(node, client):
    client("a\u202ebc").wait_connected()
    text = node.ok("clients")
    assert "a\\u202ebc" in text
    assert "\u202e" not in text


def test_disconnect_closes_the_connection_and_says_how_many(node, client):
    one = client("meter-1").wait_connected()
    client("meter-2").wait_connected()
    conn = {x["client_id"]: x["conn"] for x in node.json("clients")}

    node.ok("disconnect", "client", "meter-1")
    assert one.disconnected.wait(PATIENCE_S)
    assert one.disconnect == ADMINISTRATIVE_ACTION
    wait_until(
        lambda: node.json("status")["clients_connected"] == 1, "meter-1 is no longer connected"
    )

    node.ok("disconnect", "conn", str(conn["meter-2"]))
    done = node.cli("disconnect", "client", "meter-9")
    assert done.returncode == NO
    assert done.stderr == 'bastide: no connection of client "meter-9"\n'


def test_a_ban_cuts_and_keeps_out_until_it_is_lifted(node, client):
    one = client("meter-1").wait_connected()

    node.ok("ban", "client", "meter-1", "--for", "1h", "--reason", "loud\u202e")
    assert one.disconnected.wait(PATIENCE_S)
    ban = node.json("bans")[0]
    assert (ban["kind"], ban["subject"], ban["reason"]) == ("client", "meter-1", "loud\u202e")
    assert ban["author"].startswith("admin:")
    assert 3590_000 < ban["expires_unix_ms"] - ban["created_unix_ms"] <= 3600_000
    assert "loud\\u202e" in node.ok("bans")

    again = client("meter-1")
    assert again.connected.wait(PATIENCE_S)
    assert again.connack == BANNED
    client("meter-2").wait_connected()

    node.ok("unban", "client", "meter-1")
    assert node.json("bans") == []
    assert "nobody is banned" in node.ok("bans")
    client("meter-1").wait_connected()
    done = node.cli("unban", "client", "meter-1")
    assert done.returncode == NO


def test_a_ban_outlives_a_restart(node):
    node.ok("ban", "address", "192.0.2.0/24", "--reason", "scan")
    assert node.end() == 0
    node.start()
    assert [x["subject"] for x in node.json("bans")] == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    "words",
    [
        ["ban", "host", "a"],
        ["ban", "address", "not-an-address"],
        ["ban", "client-address", "meter-1"],
        ["disconnect", "host", "a"],
        ["incidents", "show", "none-such"],
        ["incidents", "--severity", "bad"],
    ],
)
def test_what_the_node_refuses_exits_1_and_says_what_is_wrong(node, words):
    done = node.cli(*words)
    assert done.returncode == NO
    assert words[-1] in done.stderr or words[1] in done.stderr


def test_responses_are_suspended_and_resumed(node):
    node.ok("respond", "suspend", "--for", "30m")
    assert node.json("status")["respond"]["suspended_until_unix_ms"] > 0
    assert "Suspended" in node.ok("status")
    node.ok("respond", "resume")
    assert node.json("status")["respond"]["suspended_until_unix_ms"] == 0


def test_reload_puts_a_new_role_in_force_or_keeps_all(node, client):
    one = client("meter-1").wait_connected()
    node.write(CONFIG.replace("publish_subscribe: open/#", "publish_subscribe: other/#"))
    node.ok("reload")
    one.paho.subscribe("open/a", 1)
    assert one.subscribed.wait(PATIENCE_S)
    assert node.json("clients", "meter-1")["subscriptions"] == 0

    node.write(CONFIG.replace("plane: delivery", "plane: delivry"))
    done = node.cli("reload")
    assert done.returncode == NO
    assert "delivry" in done.stderr
    assert "nothing was changed" in done.stderr
    assert one.paho.is_connected()
    assert node.json("status")["node"] == "test-1"


def test_sighup_reloads_as_well(node):
    before = node.json("status")["loaded_unix_ms"]
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: node.json("status")["loaded_unix_ms"] > before, "configuration read anew")


def test_status_is_answered_while_the_node_reloads_again_and_again(node):
    for _ in range(40):
        node.process.send_signal(signal.SIGHUP)
        assert node.json("status")["roles"] == 1


def test_metrics_are_prometheus_text(node, client):
    client("meter-1").wait_connected()
    lines = node.ok("metrics").splitlines()
    families = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(families) == len(set(families)) > 5
    for line in lines:
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name.startswith("bastide_")
            float(value)


@pytest.mark.parametrize("verb", ["assets", "flows", "incidents", "bans", "clients"])
def test_each_list_is_json_on_request(node, verb):
    assert isinstance(node.json(verb), list)
    assert node.ok(verb)


def test_who_acts_is_answered_in_json_on_request(node):
    done = node.json("ban", "client", "nobody", "--for", "10m")
    assert "is banned" in done["text"]
    assert "is lifted" in node.json("unban", "client", "nobody")["text"]
    assert "would hit 0 connections" in node.json("respond", "run", "ban", "client", "nobody", "--dry-run")["text"]
    quarantine = ["quarantine", "listener", "field", "127.0.0.5"]
    said = 'quarantine of listener "field" from 127.0.0.5'
    assert f"{said} would hit" in node.ok("respond", "run", *quarantine, "--dry-run")
    assert f"{said}: done" in node.ok("respond", "run", *quarantine, "--for", "1m", "--reason", "a trial")
    assert f"{said} is undone" in node.ok("respond", "undo", *quarantine, "--reason", "it is over")
    assert "order: quarantine of listener field 127.0.0.5 by " in node.log_text()
    assert "in force" in node.json("reload")["text"]
    assert node.json("audit", "verify") == {"whole": True, "entries": len(node.json("audit", "list")),
                                            "heads": len(node.json("audit", "list")), "problems": []}


def test_clients_stand_in_the_order_of_their_names(node, client):
    for name in ["meter-2", "meter-10", "desk", "meter-1"]:
        client(name).wait_connected()
    assert [c["client_id"] for c in clients(node)] == ["desk", "meter-1", "meter-10", "meter-2"]


def test_assets_and_flows_are_seen(node, client):
    client("reader").wait_connected().subscribe("open/#")
    one = client("meter-1").wait_connected()
    one.paho.publish("open/power", b"1", 1).wait_for_publish(PATIENCE_S)
    wait_until(
        lambda: ("meter-1", "open/power", "reader")
        in {(x["from"], x["topic"], x["to"]) for x in node.json("flows")},
        "the flow is seen",
    )
    assert {"meter-1", "reader"} <= {x["name"] for x in node.json("assets")}
    assert "open/power" in node.ok("flows")
    assert "meter-1" in node.ok("assets")


def test_each_action_is_in_the_log_under_its_author(node):
    node.ok("ban", "client", "eve")
    assert "admin:" in node.log_text() and "/v1/bans: 200" in node.log_text()


def test_output_that_cannot_be_written_is_a_failure(node):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BASTIDE, "status", "--home", str(node.folder)],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
        )
    assert done.returncode == NO


def test_assess_works_without_a_node_and_says_so(home):
    done = home.cli("assess", "--json")
    assert done.returncode == OK, done.stderr
    assert "without a node" in done.stderr
    assert json.loads(done.stdout)


def test_assess_with_a_node_knows_more(node, tmp_path):
    before = tmp_path / "before.json"
    before.write_text(json.dumps(node.json("assess", "--no-node")))
    report = tmp_path / "report.html"
    node.ok("assess", "--html", str(report))
    assert "<html" in report.read_text()
    assert node.ok("assess")
    assert node.ok("assess", "--compare", str(before))
