"""Starts what deploy/compose.yaml describes without an engine for containers, and asks it: compose_here.py BINARY

Each container is a process in namespaces of its own, with the networks, names, secrets, environment and command that
the file gives it; those of the product also have its image's root, read-only, and its user. PostgreSQL, Redis and
Caddy are this machine's. An operator makes a workspace, a person is provisioned by way of Caddy, and no gateway
reaches a store. With NESTR_TEST_LONG=1 every replica is ended in its turn under requests, none of which may fail.
Needs root. Exits with 1 and says why where anything is not as it should be.

Seen to fail with a gateway on the stores' network, with a secret left out, with the directory's port changed, without
the volume for letters, and, in its long form, with HTTP/1.1 between Caddy and gateways that ended such connections
without a word.
"""

import collections
import concurrent.futures
import contextlib
import ipaddress
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target/tools"
COMPOSE = [TOOLS / "deploy/bin/docker-compose", "--file", ROOT / "deploy/compose.yaml", "--profile", "operator"]
# Seconds for whatever is waited for; nothing is measured by it.
PATIENCE = 60
# Who must not reach whom.
APART = {"edge": ["directory", "postgres", "redis"], "gateway": ["postgres", "redis"], "operator": ["postgres", "redis"]}
# How the namespaces of this run begin, and the one that the networks meet in.
OURS = f"nestr-{os.getpid()}"
SWITCH = f"{OURS}-switch"
# Ends well when anybody is at that address, though nobody at that port.
KNOCK = "import errno, socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 9)) not in (0, errno.ECONNREFUSED))"


def run(*words, **more):
    """What a command prints; it has to end well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(what, holds):
    """Waits until it holds; `what` is said where it does not."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > give_up:
            sys.exit(f"not within {PATIENCE} s: {what}")
        time.sleep(0.1)


class Stack:
    """All of it, as the file says."""

    def __init__(self, binary, home, ending):
        self.home, self.ending = home, ending
        self.file = json.loads(run(*COMPOSE, "config", "--format", "json"))
        self.services = self.file["services"]
        self.secrets = home / "secrets"
        run(ROOT / "deploy/make-secrets", self.secrets)
        self.image = home / "image"
        run(ROOT / "deploy/image-root", binary, self.image)
        # What an engine mounts into every container.
        for place in "run/secrets", "var/lib/nestr-scim", "proc":
            (self.image / place).mkdir(parents=True)
        for place in "etc/hosts", "etc/resolv.conf":
            (self.image / place).touch()
        (home / "letters").mkdir()
        os.chown(home / "letters", 65532, 65532)
        text = (ROOT / "deploy/Dockerfile").read_text()
        words = [word.split("=", 1) for word in text.split() if word.startswith("NESTR_SCIM_")]
        self.image_environment = dict(words)
        self.lay_networks()
        self.containers = {}
        for name, service in self.services.items():
            count = service.get("deploy", {}).get("replicas", 1)
            self.containers[name] = [Container(self, name, number) for number in range(count)]
        for container in itertools.chain(*self.containers.values()):
            container.lay_secrets()
            container.lay_hosts()

    def lay_networks(self):
        """A bridge for each network, and addresses for whoever is on it."""
        add_namespace(SWITCH, self.ending)
        self.addresses = {}
        for number, (name, network) in enumerate(self.file["networks"].items()):
            run("ip", "-n", SWITCH, "link", "add", f"br{number}", "type", "bridge")
            run("ip", "-n", SWITCH, "link", "set", f"br{number}", "up")
            subnets = (network.get("ipam") or {}).get("config") or [{"subnet": f"172.30.{100 + number}.0/28"}]
            subnet = ipaddress.ip_network(subnets[0]["subnet"])
            # The first is the engine's own.
            self.addresses[name] = (number, subnet.prefixlen, itertools.islice(subnet.hosts(), 1, None))

    def sole(self, name):
        return self.containers[name][0]


def add_namespace(name, ending):
    """A namespace of the network, which goes at the end."""
    run("ip", "netns", "add", name)
    ending.callback(run, "ip", "netns", "delete", name)
    run("ip", "-n", name, "link", "set", "lo", "up")


class Container:
    """One replica of a service."""

    links = itertools.count()

    def __init__(self, stack, service, number):
        self.stack, self.service = stack, stack.services[service]
        self.title, self.name = f"{service} {number + 1}", f"{OURS}-{service}-{number + 1}"
        self.process = None
        add_namespace(self.name, stack.ending)
        self.at = {}
        for network in self.service["networks"]:
            bridge, length, free = stack.addresses[network]
            self.at[network], link = next(free), f"v{next(self.links)}"
            run("ip", "link", "add", "v", "netns", self.name, "type", "veth", "peer", "name", link, "netns", SWITCH)
            run("ip", "-n", SWITCH, "link", "set", link, "master", f"br{bridge}", "up")
            run("ip", "-n", self.name, "link", "set", "v", "name", link, "up")
            run("ip", "-n", self.name, "address", "add", f"{self.at[network]}/{length}", "dev", link)

    def lay_secrets(self):
        """The secrets that the file gives to this one."""
        self.secrets = self.stack.home / f"{self.name}.secrets"
        self.secrets.mkdir()
        for secret in self.service.get("secrets") or []:
            shutil.copy(self.stack.secrets / secret["source"], self.secrets)

    def lay_hosts(self):
        """The names of those who are on a network with this one."""
        lines = ["127.0.0.1 localhost"]
        for name, containers in self.stack.containers.items():
            for container in containers:
                lines += [f"{at} {name}" for network, at in container.at.items() if network in self.at]
        self.hosts = self.stack.home / f"{self.name}.hosts"
        self.hosts.write_text("\n".join(lines) + "\n")
        # What `ip netns exec` shows to a program of this machine.
        place = pathlib.Path("/etc/netns", self.name)
        place.mkdir(parents=True, exist_ok=True)
        self.stack.ending.callback(shutil.rmtree, place)
        shutil.copy(self.hosts, place / "hosts")

    def environment(self):
        given = self.service.get("environment") or {}
        return self.stack.image_environment | {name: value for name, value in given.items() if value is not None}

    def inside(self, words):
        """The words of a command in this container, in the image's root and as its user."""
        mounts = [f"mount --bind {self.stack.image} {self.stack.image}"]
        mounts += [f"mount --options remount,bind,ro {self.stack.image}"]
        mounts += [f"mount --bind {self.hosts} {self.stack.image}/etc/hosts"]
        mounts += [f"mount --bind {self.secrets} {self.stack.image}/run/secrets"]
        if any(volume["target"] == "/var/lib/nestr-scim" for volume in self.service.get("volumes") or []):
            mounts += [f"mount --bind {self.stack.home}/letters {self.stack.image}/var/lib/nestr-scim"]
        enter = f"exec setpriv --no-new-privs chroot --userspec={self.service['user']} {self.stack.image} \"$@\""
        script = " && ".join([*mounts, "cd /", enter])
        variables = [f"{name}={value}" for name, value in self.environment().items()]
        return [*self.here(), "env", "--ignore-environment", f"PATH={os.environ['PATH']}", *variables,
                "unshare", "--mount", "sh", "-c", script, "sh", *words]

    def here(self):
        return ["ip", "netns", "exec", self.name]

    def start(self, words=None, **more):
        """Starts it; by words of this machine, else by those of the file."""
        words = words or self.inside(["/nestr-scim", *self.service["command"]])
        self.log = self.stack.home / f"{self.name}.log"
        with open(self.log, "a") as log:
            words = [str(word) for word in words]
            self.process = subprocess.Popen(words, stdout=log, stderr=log, **more)
        self.stack.ending.callback(self.end)

    def end(self):
        """Asks it to end, and tells how it did."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def is_healthy(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.title} ended:\n{self.log.read_text()}")
        test = self.service["healthcheck"]["test"]
        words = self.inside(test[1:]) if test[1] == "/nestr-scim" else [*self.here(), *test[1:]]
        return subprocess.run(words, capture_output=True).returncode == 0

    def reaches(self, other):
        """Whether any address of another one can be spoken to from here."""
        knock = [*self.here(), sys.executable, "-c", KNOCK]
        return any(subprocess.run([*knock, str(at)]).returncode == 0 for at in other.at.values())


def start(stack):
    """In the order of the file's own conditions."""
    start_postgres(stack)
    redis = stack.sole("redis")
    command = [word.replace("/run/secrets", str(stack.secrets)) for word in redis.service["command"]]
    # The engine's networks stand in for the protected mode of this machine's.
    redis.start([*redis.here(), *command, "--protected-mode", "no"], cwd=stack.home)
    wait_until("Redis", redis.is_healthy)
    migrate = stack.sole("migrate")
    print(run(*migrate.inside(["/nestr-scim", *migrate.service["command"]])), end="")
    for name in "directory", "gateway":
        for container in stack.containers[name]:
            container.start()
            wait_until(container.title, container.is_healthy)
            print(f"{container.title} is healthy")
    edge = stack.sole("edge")
    environment = {"HOME": stack.home, "XDG_DATA_HOME": stack.home, **edge.service["environment"]}
    variables = [f"{name}={value}" for name, value in environment.items()]
    caddyfile = ["--adapter", "caddyfile", "--config", ROOT / "deploy/Caddyfile"]
    edge.start([*edge.here(), "env", *variables, "caddy", "run", *caddyfile])


def start_postgres(stack):
    """This machine's server, with the user, the password and the settings that the image is given."""
    postgres = stack.sole("postgres")
    programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    given, data = postgres.service["environment"], stack.home / "postgres"
    password = stack.home / "password"
    shutil.copy(stack.secrets / "postgres-password", password)
    data.mkdir()
    shutil.chown(data, "postgres")
    shutil.chown(password, "postgres")
    as_postgres = ["runuser", "-u", postgres.service["user"], "--"]
    user = given["POSTGRES_USER"]
    settings = given["POSTGRES_INITDB_ARGS"].split()
    run(*as_postgres, programs / "initdb", "-D", data, "-U", user, f"--pwfile={password}", *settings, cwd="/")
    with open(data / "pg_hba.conf", "a") as file:
        file.write("host all all all scram-sha-256\n")
    server = [programs / "postgres", "-D", data, "-c", "listen_addresses=*", "-k", data]
    postgres.start([*postgres.here(), *as_postgres, *server], cwd="/")
    wait_until("PostgreSQL", postgres.is_healthy)
    run(*as_postgres, programs / "createdb", "-h", data, "-U", user, user, cwd="/")


def operate(stack, *words):
    operator = stack.sole("operator")
    return json.loads(run(*operator.inside([*operator.service["entrypoint"], *words, "--json"])))


class Provider:
    """An identity provider: it comes in where Caddy is."""

    def __init__(self, stack):
        workspace = operate(stack, "workspace", "create", "Acme", "--contact", "it@acme.com")["id"]
        operate(stack, "domain", "claim", workspace, "acme.com")
        operate(stack, "domain", "verify", workspace, "acme.com")
        self.url = operate(stack, "integration", "enable", workspace)["scimUrl"]
        self.key = operate(stack, "key", "create", workspace)["key"]
        self.edge, self.numbers = stack.sole("edge"), itertools.count()

    def create(self, *more):
        """The status that the creation of a person is answered."""
        person = {"userName": f"ada{next(self.numbers)}@acme.com", "displayName": "Ada", "active": True}
        return self.ask("/Users", "--data", json.dumps(person), *more)

    def ask(self, path, *more):
        headers = ["-H", f"Authorization: Bearer {self.key}", "-H", "Content-Type: application/scim+json"]
        way = ["--insecure", "--connect-to", "localhost:443:127.0.0.1:8443"]
        curl = ["curl", "--silent", "--max-time", PATIENCE, "--output", "/dev/null", "--write-out", "%{http_code}"]
        words = [*self.edge.here(), *curl, *way, *headers, *more, self.url + path]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True).stdout


def check_apart(stack):
    """Whoever is met first by strangers is on no network with what is kept."""
    for one, others in APART.items():
        for other in others:
            if stack.sole(one).reaches(stack.sole(other)):
                sys.exit(f"{one} reaches {other}")
    print("; ".join(f"{one} reaches none of {', '.join(others)}" for one, others in APART.items()))


def check_roll(stack, provider):
    """Each replica ends in its turn, and begins again, while people are provisioned."""
    over, answers = threading.Event(), collections.Counter()

    def provision():
        while not over.is_set():
            answers[provider.create()] += 1

    with concurrent.futures.ThreadPoolExecutor() as pool:
        clients = [pool.submit(provision) for _ in range(3)]
        try:
            for container in stack.containers["directory"] + stack.containers["gateway"]:
                if status := container.end():
                    sys.exit(f"{container.title} ended with {status}:\n{container.log.read_text()}")
                container.start()
                wait_until(container.title, container.is_healthy)
                # Caddy and the gateways look every 5 s.
                time.sleep(6)
        finally:
            over.set()
        for client in clients:
            client.result()
    print(f"while each of them ended in its turn: {dict(answers)}")
    if set(answers) != {"201"}:
        sys.exit("a request failed")


def main(binary):
    with contextlib.ExitStack() as ending, tempfile.TemporaryDirectory(prefix="nestr-scim-") as home:
        home = pathlib.Path(home)
        # PostgreSQL's user has to find its data below.
        home.chmod(0o711)
        with ending:
            stack = Stack(binary, home, ending)
            start(stack)
            provider = Provider(stack)
            wait_until("Caddy", lambda: provider.ask("/Users") == "200")
            if (status := provider.create()) != "201":
                sys.exit(f"a person was not made: {status}")
            print("a person was made by way of Caddy, a gateway and a directory")
            # The workspace's contact is told of the domain, by a file while there is no mail server.
            wait_until("a letter", lambda: any((home / "letters").rglob("*.eml")))
            check_apart(stack)
            if os.environ.get("NESTR_TEST_LONG") == "1":
                check_roll(stack, provider)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
