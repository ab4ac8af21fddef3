# SPDX-License-Identifier: Apache-2.0
"""A real node on loopback, run by the real program.

The program is $BASTIDE, or build/main/src/bastide.  Sockets and state of each test stand in a folder
of their own, with a short path: a unix socket's may not be longer than 107 bytes.
"""

import ctypes
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from peer import PATIENCE_S, Peer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASTIDE = pathlib.Path(os.environ.get("BASTIDE", ROOT / "build/main/src/bastide"))

CONFIG = """\
node:
  name: test-1
  location: "Test bench"
  workers: 2
  state_dir: state
  sys_interval_s: 0
listeners:
  - name: field
    address: 127.0.0.1
    port: {port}
    plane: delivery
    anonymous: yes
admin:
  socket: run/admin.sock
users_file: users.yaml
anonymous_role: guest
roles:
  guest:
    allow:
      - publish_subscribe: open/#
      - subscribe: read/${{client_id}}/+
    deny:
      - publish: open/secret/#
"""


def candidate_ports():
    """Below those that the kernel gives to connections, so that none of these takes one before the node
    does; processes that run tests side by side begin apart."""
    lowest = 10000
    span = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) - lowest
    side = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    at = side * span // 4 + os.getpid() * 10
    while True:
        at += 10
        yield lowest + at % span


PORTS = candidate_ports()


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*more):
    """A port N that is free, as are those N + each of more."""
    return next(port for port in PORTS if all(is_free(port + d) for d in (0, *more)))


def wait_until(claim, what):
    """Ask until it holds: the limit is for a node that hangs, not for luck."""
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)  # between two questions; what ends the wait is the claim


def has_tried_itself(node):
    """The first trials of its self-test have ended. While they go on, their clients are seen among all others."""
    return re.search(r"self-test: \d+ results", node.log_text())


def is_of_trials(client_id):
    return client_id.startswith("bastide-self-test-")


def clients(node):
    """Those that are not of the node's trials of itself."""
    return [c for c in node.json("clients") if not is_of_trials(c["client_id"])]


def is_alone(node):
    return has_tried_itself(node) and node.json("clients") == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure tells what the nodes said as well: their folders are gone by the time somebody asks."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for home in {id(value): value for value in item.funcargs.values() if isinstance(value, Home)}.values():
            if (home.folder / "log").exists():
                report.sections.append((f"log of the node at {home.folder}", home.log_text()[-8192:]))


def change_role(home, user, old, new):
    users = home.folder / "users.yaml"
    text = users.read_text()
    entry = f'  - name: "{user}"\n    role: "{old}"\n'
    assert text.count(entry) == 1, text
    users.write_text(text.replace(entry, f'  - name: "{user}"\n    role: "{new}"\n'))


class Home:
    """A node's folder, and the program run on it."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "bastide.yaml"
        self.socket = folder / "run/admin.sock"
        self.port = free_port()
        self.process = None
        self.write(CONFIG)
        (folder / "users.yaml").write_text("users: []\n")

    def write(self, text):
        self.config.write_text(text.format(port=self.port))

    def cli(self, *words, home=True, **more):
        where = ["--home", str(self.folder)] if home else []
        return subprocess.run(
            [BASTIDE, *words, *where], capture_output=True, text=True, timeout=PATIENCE_S, **more
        )

    def ok(self, *words, **more):
        done = self.cli(*words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def with_passphrase(self, *words, option="--passphrase-fd"):
        """The command, with the site's passphrase behind @option."""
        read, write = os.pipe()
        os.write(write, b"a long passphrase of the site\n")
        os.close(write)
        try:
            return self.cli(*words, option, str(read), pass_fds=(read,))
        finally:
            os.close(read)

    def json(self, *words):
        return json.loads(self.ok(*words, "--json"))

    def start(self, prefix=(), **environment):
        """Run the node, as a service manager does: ready is when it says so."""
        notify = self.folder / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            notify.unlink(missing_ok=True)
            manager.bind(str(notify))
            notify.chmod(0o666)
            manager.settimeout(PATIENCE_S)
            self.log = open(self.folder / "log", "ab")
            self.process = subprocess.Popen(
                [*prefix, BASTIDE, "run", "--home", str(self.folder)],
                stderr=self.log,
                env={**os.environ, "NOTIFY_SOCKET": str(notify), **environment},
            )
            try:
                assert manager.recv(100) == b"READY=1"
            except TimeoutError:
                pytest.fail(f"not ready: {self.log_text()}")

    def log_text(self):
        return (self.folder / "log").read_text()

    def end(self, how=signal.SIGTERM):
        """Return the exit status."""
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE_S)
        self.process = None
        self.log.close()
        return status


def as_nobody(home):
    """Words that make a program the user whom the folder is given to, without any right."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    for path in (home.folder, *home.folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


@pytest.fixture
def home():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    node = Home(folder)
    yield node
    if node.process is not None:
        node.end(signal.SIGKILL)
    shutil.rmtree(folder)


@pytest.fixture
def node(home):
    home.start()
    yield home
    if home.process is not None:
        assert home.end() == 0, home.log_text()


# ---- a node as `bastide init` makes it: TLS, passwords, roles ----

SANITIZERS = re.compile(r"Sanitizer|runtime error:|bastide: bug:")

# What the tests may do, under the topic test/; short limits, so that what is cut off is cut off soon.
SITE_ROLES = """\
  tester:
    allow:
      - publish_subscribe: test/#
  limited:
    allow:
      - publish_subscribe: test/#
    deny:
      - publish_subscribe: test/secret/#
  reader:
    allow:
      - subscribe: test/#
  caller:
    allow:
      - publish: test/of/${user_name}/#
"""
SITE_LIMITS = {"connect_timeout_ms": 20000, "messages_per_s_max": 100000, "retained_per_client_max": 100000}
SITE_USERS = {"alice": "tester", "bob": "tester", "lena": "limited", "rita": "reader", "carl": "caller"}


class Site(Home):
    """A home that `bastide init` made, copied from a template and given ports of its own."""

    def __init__(self, folder, template, passwords):
        shutil.copytree(template, folder, dirs_exist_ok=True)
        self.folder = folder
        self.config = folder / "bastide.yaml"
        self.socket = folder / "run/admin.sock"
        self.process = None
        self.passwords = passwords
        self.port = free_port(3, 4)
        self.tls_port, self.control_port = self.port + 3, self.port + 4
        ports = {TEMPLATE_PORT: self.port, TEMPLATE_PORT + 3: self.tls_port, TEMPLATE_PORT + 4: self.control_port}
        text = self.config.read_text()
        assert all(text.count(f"port: {old}\n") == 1 for old in ports)
        self.config.write_text(re.sub(r"(?<=port: )\d+", lambda m: str(ports.get(int(m[0]), m[0])), text))

    def change(self, old, new):
        """In bastide.yaml, where it must stand exactly once."""
        text = self.config.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {self.config}"
        self.config.write_text(text.replace(old, new))

    def certificate(self, name):
        return str(self.folder / f"lab/{name}.crt"), str(self.folder / f"lab/{name}.key")

    @property
    def ca(self):
        return str(self.folder / "pki/ca.crt")

    def issue(self, name, *more):
        self.ok("pki", "issue", "client", name, "--out", str(self.folder / f"lab/{name}"), *more)
        return self.certificate(name)

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


TEMPLATE_PORT = 21000


def cheapen(users, name, password):
    """Argon2id at 8 KiB in place of 64 MiB: what a guess costs was more than half of what all tests cost."""
    sodium = ctypes.CDLL("libsodium.so.23")
    made = ctypes.create_string_buffer(128)
    secret = password.encode()
    assert sodium.crypto_pwhash_str_alg(made, secret, ctypes.c_ulonglong(len(secret)), ctypes.c_ulonglong(1),
                                        ctypes.c_size_t(8192), 2) == 0
    kept = rf'(name: "{name}"\n(?:    .*\n)*?    password: )\S+'
    text, n = re.subn(kept, rf'\g<1>"{made.value.decode()}"', users.read_text())
    assert n == 1, users.read_text()
    users.write_text(text)


def make_template(folder):
    """Once a session: certificates and password verifiers take their time."""

    def run(*words, **more):
        done = subprocess.run([BASTIDE, *words], capture_output=True, text=True, timeout=60, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    passwords = {name: f"a long secret of {name}" for name in SITE_USERS}
    home = ["--home", str(folder)]
    run("init", str(folder), "--name", "test-1", "--port-base", str(TEMPLATE_PORT))
    config = folder / "bastide.yaml"
    text = config.read_text()
    assert text.count("\nroles:\n") == 1 and text.count("\nlimits:\n") == 1
    text = text.replace("\nroles:\n", "\nroles:\n" + SITE_ROLES)
    for name, value in SITE_LIMITS.items():
        text = re.sub(rf"^  {name}:.*\n", "", text, flags=re.M)
        text = text.replace("\nlimits:\n", f"\nlimits:\n  {name}: {value}\n")
    text, n = re.subn(r"^  workers: 0", "  sys_interval_s: 0\n  workers: 2", text, flags=re.M)
    assert n == 1
    config.write_text(text + "\ndetect:\n  startup_grace_s: 0\n")
    for name, role in SITE_USERS.items():
        run("user", "add", name, "--role", role, "--password-stdin", *home, input=passwords[name])
        cheapen(folder / "users.yaml", name, passwords[name])
    run("user", "add", "device-1", "--role", "tester", "--certificate-cn", "device-1", *home)
    (folder / "lab").mkdir()
    run("pki", "issue", "client", "device-1", "--out", str(folder / "lab/device-1"), *home)
    return passwords


@pytest.fixture(scope="session")
def site_template():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-t-"))
    yield folder, make_template(folder)
    shutil.rmtree(folder)


@pytest.fixture
def site(site_template):
    """A home; its node is not yet started."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bastide-"))
    one = Site(folder, *site_template)
    yield one
    if one.process is not None:
        one.end(signal.SIGKILL)
    shutil.rmtree(folder)


@pytest.fixture
def field(site):
    """A running node, which has to end in order and without a word from a sanitizer."""
    site.start()
    yield site
    if site.process is not None:
        assert site.end() == 0, site.log_text()
    assert not SANITIZERS.search(site.log_text()), site.log_text()


@pytest.fixture
def peer(request):
    """Makes MQTT clients for `field` and closes them in the end."""
    made = []

    def make(site, client_id, **more):
        made.append(Peer(site, client_id, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()
