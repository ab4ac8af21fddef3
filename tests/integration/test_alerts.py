# SPDX-License-Identifier: Apache-2.0
"""Incidents to other systems: receivers that take them, that are gone, that hang."""

import http.server
import json
import queue
import re
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import CONFIG, PATIENCE_S, wait_until
from test_cli import Client

COMMANDED = CONFIG + "command_topics:\n  - open/command/#\nalerts:\n"
HEADER = re.compile(
    r"<\d+>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ bastide \d+ unauthorized-command "
    r'\[incident@32473 id="I-\d{8}-\d{4}" .*\] \ufeff.+', re.S,
)


def begin(home, *lines):
    home.write(COMMANDED + "".join(f"  {line}\n" for line in lines))
    home.start()


def command(node, client_id):
    one = Client(node, client_id).wait_connected()
    one.paho.publish("open/command/breaker", b"open", 0)
    wait_until(lambda: any(x["client_id"] == client_id for x in node.json("incidents")), client_id)
    one.close()


def alerts(node, what):
    found = re.search(rf"^bastide_alerts_{what}\{{.*\}} (\d+)$", node.ok("metrics"), re.M)
    return int(found[1])


def datagram(family, where):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE_S)
    s.bind(where)
    return s


def test_syslog_by_udp(home):
    with datagram(socket.AF_INET, ("127.0.0.1", 0)) as s:
        begin(home, f"syslog: udp:127.0.0.1:{s.getsockname()[1]}")
        command(home, "intruder")
        text = s.recv(65536).decode()
    assert HEADER.fullmatch(text), text
    assert 'client_id="intruder"' in text and 'state="open"' in text and 'attck="T0855' in text
    assert home.end() == 0


def test_syslog_by_a_unix_socket_also_when_it_comes_later(home):
    path = home.folder / "log.sock"
    begin(home, f"syslog: unix:{path}")
    command(home, "intruder")
    wait_until(lambda: alerts(home, "failures_total") > 0, "an attempt")
    with datagram(socket.AF_UNIX, str(path)) as s:
        assert HEADER.fullmatch(s.recv(65536).decode())
    assert home.end() == 0


def read_frame(stream):
    length = b""
    while not length.endswith(b" "):
        length += stream.read(1)
    return stream.read(int(length)).decode()


def test_syslog_by_tcp_with_its_length_in_front_also_after_the_receiver_was_away(home):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        begin(home, f"syslog: tcp:127.0.0.1:{server.getsockname()[1]}")
        for client_id in ("one", "two"):
            command(home, client_id)
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(PATIENCE_S)
                text = read_frame(stream)
                assert HEADER.fullmatch(text) and f'client_id="{client_id}"' in text
    assert home.end() == 0


class Hook:
    """An HTTP server that answers with the statuses it is given, then 204, and keeps what came."""

    def __init__(self, statuses=(), tls=None):
        hook, statuses = self, list(statuses)
        self.requests = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(statuses.pop(0) if statuses else 204)
                self.end_headers()
                hook.requests.put((self.path, dict(self.headers), json.loads(body)))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.requests.get(timeout=PATIENCE_S)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    made = []

    def make(*args, **more):
        made.append(Hook(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_webhook_gets_each_change_again_until_it_takes_it(home, hook):
    one = hook([503])
    token = home.folder / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    begin(home, f"webhook: http://127.0.0.1:{one.port}/in?x=1", f"webhook_token_file: {token}")
    command(home, "intruder")
    failed, again = one.next(), one.next()
    assert failed == again
    path, headers, record = again
    assert path == "/in?x=1"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Host"] == f"127.0.0.1:{one.port}"
    assert (record["kind"], record["state"], record["client_id"]) == (
        "unauthorized-command", "open", "intruder",
    )
    home.ok("incidents", "close", record["id"], "--as", "true")
    while (closed := one.next()[2])["state"] != "closed":
        pass
    assert closed["disposition"] == "true"
    assert "s3cret" not in home.log_text()
    assert home.end() == 0


def test_what_a_webhook_refuses_is_not_sent_again(home, hook):
    one = hook([400])
    begin(home, f"webhook: http://127.0.0.1:{one.port}/")
    command(home, "one")
    command(home, "two")
    seen = {one.next()[2]["client_id"] for _ in range(2)}
    assert seen == {"one", "two"}
    wait_until(lambda: alerts(home, "refused_total") == 1, "a refusal is counted")
    assert alerts(home, "failures_total") == 0
    assert home.end() == 0


def test_a_webhook_by_https_is_verified(site, hook):
    site.ok("pki", "issue", "server", "hooks", "--host", "localhost", "--out", str(site.folder / "lab/hooks"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*site.certificate("hooks"))
    one = hook(tls=tls)
    site.change("\nroles:\n", f"\nalerts:\n  webhook: https://localhost:{one.port}/\n"
                "  webhook_ca: pki/ca.crt\nroles:\n")
    site.start()
    guesses = [
        subprocess.Popen(["mosquitto_pub", "-p", str(site.port), "-t", "test/a", "-m", "x", "-i", f"guesser-{n}",
                          "-u", "alice", "-P", f"guess {n}"], stderr=subprocess.DEVNULL)
        for n in range(20)
    ]
    for guess in guesses:
        guess.wait(PATIENCE_S)
    assert one.next()[2]["kind"] == "repeated-auth-failures"
    assert site.end() == 0


def test_a_receiver_that_hangs_delays_nobody_and_drops_are_counted(home):
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts, and never answers
        begin(home, f"webhook: http://127.0.0.1:{server.getsockname()[1]}/", "queue_max: 1")
        for n in range(4):
            command(home, f"intruder-{n}")
        wait_until(lambda: alerts(home, "dropped_total") >= 2, "drops")
        assert home.json("status")["incidents_open"] == 4


def test_only_incidents_of_the_severity_that_is_asked_for_are_sent(home, hook):
    one = hook()
    begin(home, f"webhook: http://127.0.0.1:{one.port}/", "severity_min: critical")
    command(home, "intruder")
    assert alerts(home, "waiting") == 0 and alerts(home, "sent_total") == 0
    assert home.end() == 0


def test_a_reload_sends_what_waits_to_the_new_receiver_with_the_new_token(home, hook):
    token = home.folder / "token"
    token.write_text("first\n")
    token.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = nobody.getsockname()[1]
    begin(home, f"webhook: http://127.0.0.1:{gone}/", f"webhook_token_file: {token}")
    command(home, "one")
    wait_until(lambda: alerts(home, "failures_total") > 0, "nobody is there")
    one = hook()
    token.write_text("second\n")
    home.write(COMMANDED + f"  webhook: http://127.0.0.1:{one.port}/\n  webhook_token_file: {token}\n")
    home.ok("reload")
    _, headers, record = one.next()
    assert headers["Authorization"] == "Bearer second" and record["client_id"] == "one"
    home.write(COMMANDED + f"  webhook: http://127.0.0.1:{one.port}/\n  severity_min: critical\n")
    home.ok("reload")
    command(home, "two")
    wait_until(lambda: home.json("status")["incidents_open"] == 2, "it is noticed")
    assert alerts(home, "waiting") == 0 and one.requests.empty()
    assert home.end() == 0


def test_a_token_that_others_can_read_is_told_and_changes_nothing(home, hook):
    one = hook()
    token = home.folder / "token"
    token.write_text("s3cret\n")
    token.chmod(0o644)
    begin(home, f"webhook: http://127.0.0.1:{one.port}/")
    home.write(COMMANDED + f"  webhook: http://127.0.0.1:{one.port}/else\n  webhook_token_file: {token}\n")
    done = home.cli("reload")
    assert done.returncode == 1 and "others than its owner may use it" in done.stderr and "chmod 600" in done.stderr
    command(home, "one")
    assert one.next()[0] == "/"
    assert home.end() == 0


def test_the_configuration_says_what_is_wrong_with_a_receiver(home):
    home.write(COMMANDED + "  syslog: localhost:514\n  webhook: ftp://x/\n")
    done = home.cli("check-config")
    assert "begins with none of udp:" in done.stderr and "begins with neither https" in done.stderr
    home.write(COMMANDED + "  webhook: http://192.0.2.1/\n")
    assert "can be read on the way" in home.cli("check-config").stderr
