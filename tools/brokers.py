# SPDX-License-Identifier: Apache-2.0
"""The brokers that tools/bench compares: how each is found, configured, started and ended"""
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

DEADLINE_S = 30  # for a broker to serve, and to end
PASSWORD = "measured-with-a-password"
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def free_ports(n):
    held = []
    for _ in range(n):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        held.append(s)
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Broker:
    """A program that is started anew for each run; pki is that of the home made for Bastide"""

    name = program = ""
    qos_max = 3  # 3: MQTT 5 as well
    transports = ("plain", "tls", "mtls")

    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        self.process = None

    def prepare(self):
        pass

    def takes(self, scenario):
        return scenario.qos <= self.qos_max and scenario.transport in self.transports

    def start(self, scenario):
        """A process that serves; the one there is, if that will do"""
        if self.process is not None and self.process.poll() is None and not scenario.fresh:
            return
        self.stop()
        self.ports = dict(zip(("plain", "password", "tls", "mtls", "control"), free_ports(5)))
        self.log = open(self.folder / f"{self.name.replace(' ', '-')}.log", "wb")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, cwd=self.folder,
                                        preexec_fn=raise_files)
        until = time.monotonic() + DEADLINE_S
        self.rss_before = None
        while time.monotonic() < until and self.process.poll() is None:
            if self.rss_before is None and self.listens():
                self.rss_before = rss_bytes(self.process.pid)
            if self.rss_before is not None and self.serves() and is_quiet(self.process.pid):
                return
            time.sleep(0.05)
        text = pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{self.name} does not serve: {' '.join(text.split())[-300:]}")

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports["plain"]), 1).close()
            return True
        except OSError:
            return False

    def serves(self):
        return True

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.log.close()

    def port(self, scenario):
        return self.ports[scenario.transport]

    def words(self, scenario):
        words = ["--port", str(self.port(scenario)), "--pid", str(self.process.pid)]
        if scenario.transport != "plain":
            words += ["--ca", str(self.home / "pki/ca.crt"), "--server-name", "localhost"]
        if scenario.transport == "mtls":
            words += ["--cert", str(self.home / "pki/operator.crt"), "--key", str(self.home / "pki/operator.key")]
        return words


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGESIZE")


def is_quiet(pid):
    """What a broker does after its start is over when it takes next to no CPU time for half a second"""
    def ticks():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(0.5)
    return ticks() - before <= 1


def raise_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


BASTIDE_YAML = """\
node: {{name: bench, state_dir: state, log_level: info}}
listeners:
  - {{name: plain, address: 127.0.0.1, port: {plain}, plane: delivery, anonymous: yes}}
  - {{name: password, address: 127.0.0.1, port: {password}, plane: delivery, anonymous: no}}
  - name: tls
    address: 127.0.0.1
    port: {tls}
    plane: delivery
    anonymous: yes
    tls: {{certificate: pki/server.crt, key: pki/server.key, client_ca: pki/ca.crt, crl: pki/ca.crl,
          client_certificate: none, version_min: "1.3"}}
  - name: mtls
    address: 127.0.0.1
    port: {mtls}
    plane: delivery
    anonymous: no
    tls: {{certificate: pki/server.crt, key: pki/server.key, client_ca: pki/ca.crt, crl: pki/ca.crl,
          client_certificate: required, version_min: "1.3"}}
  - name: control
    address: 127.0.0.1
    port: {control}
    plane: control
    anonymous: no
    tls: {{certificate: pki/server.crt, key: pki/server.key, client_ca: pki/ca.crt, crl: pki/ca.crl,
          client_certificate: required, version_min: "1.3"}}
admin: {{socket: run/admin.sock}}
users_file: users.yaml
anonymous_role: anyone
roles:
  anyone:
    allow:
      - publish_subscribe: bench/#
  measured:
    allow:
      - publish: fmb/device/${{user_name}}/#
      - subscribe: fmb/command/${{user_name}}/#
      - subscribe: fmb/broadcast/#
      - publish_subscribe: fmb/service/${{user_name}}/#
      - publish_subscribe: lab/+/+/data
      - publish_subscribe: bench/#
    deny:
      - publish: bench/+/+/closed/#
      - publish: fmb/command/+/#
      - subscribe: $SYS/#
      - subscribe: $bastide/#
  operator:
    allow:
      - publish_subscribe: bench/#
    critical: yes
    control_plane: yes
command_topics:
  - fmb/command/#
limits:
  connections_max: {connections}
  connections_per_address_max: {connections}
  messages_per_s_max: 100000000
  sessions_per_user_max: 1000000
  subscriptions_per_session_max: 100000
  queue_messages_max: 1000000
  queue_bytes_max: 1073741824
  inflight_max: 65535
  receive_max: 65535
  retained_messages_max: 1000000
  retained_bytes_max: 1073741824
  memory_bytes_max: 8589934592
inventory_file: inventory.yaml
respond: {{enforce: no}}
assess: {{target_profile: target-profile.yaml, scope: scope.yaml, attestations: attestations.json,
         attestation_key: pki/attestation.pub}}
"""


class Bastide(Broker):
    """Gate, quotas and detectors are always on; what they find is not acted on, since a benchmark looks like an attack"""

    name = "bastide"

    def __init__(self, folder, home, program, workers):
        super().__init__(folder, home)
        self.program = program
        self.workers = workers

    def prepare(self):
        subprocess.run([self.program, "init", self.home, "--name", "bench", "--host", "localhost,127.0.0.1"],
                       check=True, stdout=subprocess.DEVNULL)
        self.configure(dict.fromkeys(("plain", "password", "tls", "mtls", "control"), 1))
        subprocess.run([self.program, "user", "add", "measured", "--role", "measured", "--password-stdin", "--home",
                        self.home], check=True, input=PASSWORD + "\n", text=True, stdout=subprocess.DEVNULL)

    def configure(self, ports):
        if len(set(ports.values())) == 1:
            ports = dict(zip(ports, free_ports(len(ports))))
        text = BASTIDE_YAML.format(connections=FILES - 200, workers=self.workers, **ports)
        (self.home / "bastide.yaml").write_text(text, encoding="utf-8")

    def command(self):
        shutil.rmtree(self.home / "state", ignore_errors=True)
        self.configure(self.ports)
        return [self.program, "run", "--home", self.home]

    def serves(self):
        """When it has tried itself, which takes CPU time that is no client's; the passwords it tries then are
        what is_quiet() waits for"""
        return re.search(rb" self-test: \d+ results", pathlib.Path(self.log.name).read_bytes()) is not None


class BastideAuthorized(Bastide):
    """The same, by user name and password, in a role with ten rules"""

    name = "bastide authorized"

    def __init__(self, bastide):
        super().__init__(bastide.folder, bastide.home, bastide.program, bastide.workers)
        self.bastide = bastide  # whose process it is

    def prepare(self):
        pass

    def start(self, scenario):
        self.bastide.start(scenario)
        self.process, self.ports = self.bastide.process, self.bastide.ports
        self.rss_before = self.bastide.rss_before

    def stop(self):
        self.process = None

    def takes(self, scenario):
        return scenario.transport == "plain" and scenario.password

    def port(self, scenario):
        return self.ports["password"]

    def words(self, scenario):
        return super().words(scenario) + ["--user", "measured"]


class Mosquitto(Broker):
    name = program = "mosquitto"

    def command(self):
        pki = self.home / "pki"
        tls = [f"certfile {pki}/server.crt", f"keyfile {pki}/server.key", f"cafile {pki}/ca.crt", "tls_version tlsv1.3"]
        # As root it would become a user who may not read the key.
        lines = ["persistence false", "max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 1000",
                 "set_tcp_nodelay true", "sys_interval 0", "log_dest none", "allow_anonymous true", "user root",
                 f"listener {self.ports['plain']} 127.0.0.1",
                 f"listener {self.ports['tls']} 127.0.0.1", *tls,
                 f"listener {self.ports['mtls']} 127.0.0.1", *tls, "require_certificate true"]
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self.program, "-c", path]

    def version(self):
        out = subprocess.run([self.program, "-h"], stdout=subprocess.PIPE, text=True, check=False).stdout
        return out.splitlines()[0] if out else self.name


class Nats(Broker):
    name = program = "nats-server"
    qos_max = 1
    transports = ("plain",)

    def command(self):
        store = self.folder / "nats"
        shutil.rmtree(store, ignore_errors=True)
        path = self.folder / "nats.conf"
        path.write_text(f"""\
server_name: bench
listen: 127.0.0.1:{self.ports['control']}
max_pending: 512MB
jetstream {{ store_dir: "{store}" }}
mqtt {{ listen: "127.0.0.1:{self.ports['plain']}", max_ack_pending: 16000 }}
""", encoding="utf-8")
        return [self.program, "-c", path]

    def version(self):
        return subprocess.run([self.program, "-v"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
