"""Runs the public SCIM suites, every check of theirs, against the binary: public_suites.py BINARY

scim2-tester tries each attribute of each resource type that the service announces; scim-sanity leads a
user and a group through their life, in its strict mode. The binary serves its demo workspace on free
ports, from a data directory that is gone afterwards. Exits with 1 where a suite has anything to say.
"""

import collections
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import httpx2
import scim2_tester
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim_sanity.probe.report import ProbeResult
from scim_sanity.probe.runner import run_probe_api

# Seconds for the service to start, and to end; a debug build on a busy machine takes two or three.
PATIENCE = 60
# Seconds for one request; the service itself gives up after 30.
REQUEST = 35
# What scim-sanity looks for only where it is announced: a draft's resource types, which nobody serves here.
NOT_SERVED = {"Agent CRUD Lifecycle", "AgenticApplication CRUD Lifecycle", "Agent Rapid Lifecycle"}


@contextlib.contextmanager
def demo_workspace(binary):
    """URL and key of a demo workspace that is served meanwhile."""
    with tempfile.TemporaryDirectory(prefix="nestr-scim-") as data_dir:
        settings = ["--data-dir", data_dir, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--log", "warn"]
        service = subprocess.Popen([binary, "serve", *settings], stdout=subprocess.DEVNULL)
        try:
            yield connect(service, pathlib.Path(data_dir, "demo.json"))
        finally:
            service.terminate()
            try:
                service.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                service.kill()
                raise


def connect(service, demo_json):
    """What `demo.json` says to connect to, once the service answers there."""
    give_up = time.monotonic() + PATIENCE
    while service.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(FileNotFoundError, httpx2.TransportError):
            demo = json.loads(demo_json.read_text())
            httpx2.get(demo["scim_url"], trust_env=False)
            return demo["scim_url"], demo["api_key"]
        time.sleep(0.05)
    sys.exit("the service did not start")


def scim2_tester_passes(url, key):
    """Whether each check ends with SUCCESS. One that the suite skips, after a 501 say, has not passed."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=REQUEST, trust_env=False) as http:
        checks = scim2_tester.check_server(SyncSCIMClient(http))
    wrong = [check for check in checks if check.status != scim2_tester.Status.SUCCESS]
    for check in wrong:
        print(f"{check.status.name} {check.resource_type} {check.title}: {check.reason}\n    {check.data}")
    of = collections.Counter(check.resource_type or "discovery" for check in checks)
    print(f"scim2-tester: {len(checks)} checks, {len(wrong)} not passed; {dict(of)}")
    return not wrong and {"discovery", "User", "Group"} <= of.keys()


def scim_sanity_passes(url, key):
    """Whether each check passes, without a warning, and none is skipped that has something to look at."""
    checks = run_probe_api(url, token=key, strict=True, timeout=REQUEST)["results"]
    of = collections.Counter(check["status"] for check in checks)
    wrong = [check for check in checks if check["status"] != ProbeResult.PASS and check["name"] not in NOT_SERVED]
    for check in wrong:
        print(check)
    print(f"scim-sanity: {len(checks)} checks, {len(wrong)} not passed; {dict(of)}")
    return not wrong


if __name__ == "__main__":
    with demo_workspace(sys.argv[1]) as connection:
        passed = [suite(*connection) for suite in (scim2_tester_passes, scim_sanity_passes)]
    sys.exit(not all(passed))
