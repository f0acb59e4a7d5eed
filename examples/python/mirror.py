"""A mirror of a workspace in an SQLite file: mirror.py WORKSPACE FILE follows until it is ended, and begins again
where it was; mirror.py --show FILE prints what is in it. However often it is killed, it ends as the directory is."""

import json
import random
import sqlite3
import sys
import threading
import time

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict

import directory
from nestr.directory.v1 import watch_service_pb2 as feed
from nestr.directory.v1.watch_service_pb2_grpc import WatchServiceStub

# A stream with no sign of life for several heartbeats is dead, in seconds.
HEARTBEAT, PATIENCE = 1, 5

SCHEMA = """
    CREATE TABLE IF NOT EXISTS thing (kind TEXT, id TEXT, json TEXT, PRIMARY KEY (kind, id));
    CREATE TABLE IF NOT EXISTS member (group_id TEXT, member_id TEXT, PRIMARY KEY (group_id, member_id));
    CREATE TABLE IF NOT EXISTS place (cursor TEXT);
"""


class Mirror:
    """What there is of the workspace, and the cursor behind which it goes on."""

    def __init__(self, file: str) -> None:
        self.db = sqlite3.connect(file)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)

    def cursor(self) -> str:
        """Empty: nothing is here yet."""
        row = self.db.execute("SELECT cursor FROM place").fetchone()
        return row[0] if row else ""

    def begin_anew(self) -> None:
        with self.db:
            for table in ("thing", "member", "place"):
                self.db.execute(f"DELETE FROM {table}")

    def take(self, answer: feed.WatchResponse) -> None:
        """Does what an answer says and keeps its cursor, both or neither."""
        with self.db:
            match answer.WhichOneof("item"):
                case "put":
                    self._put(answer.put)
                case "change":
                    self._change(answer.change)
            self.db.execute("DELETE FROM place")
            self.db.execute("INSERT INTO place VALUES (?)", (answer.cursor,))

    def _put(self, put: feed.Put) -> None:
        match put.WhichOneof("resource"):
            case "user":
                self._keep("user", put.user.user.id, put.user)
            case "group":
                if put.group.HasField("group"):
                    self._keep("group", put.group.group_id, put.group.group)
                self._join((put.group.group_id, member) for member in put.group.member_ids)
            case "domain":
                self._keep("domain", put.domain.domain, put.domain)
            case "integration":
                self._keep("integration", put.integration.id, put.integration)
            case "workspace":
                self._keep("workspace", put.workspace.id, put.workspace)

    def _change(self, change: feed.Change) -> None:
        match change.WhichOneof("subject"):
            case "user":
                self._user(change.user)
            case "group":
                self._group(change.group)
            case "domain":
                self._keep("domain", change.domain.domain, change.domain.current)
            case "integration":
                self._keep("integration", change.integration.integration_id, change.integration.current)
            case "workspace":
                self._keep("workspace", change.workspace_id, change.workspace.current)

    def _user(self, change: feed.UserChange) -> None:
        if change.HasField("current"):
            self._keep("user", change.user_id, change.current)
        else:
            self._forget("user", change.user_id)
        if change.act == feed.RESOURCE_ACT_RESTORED:
            self._join((group, change.user_id) for group in change.group_ids)

    def _group(self, change: feed.GroupChange) -> None:
        group = change.group_id
        if change.act == feed.RESOURCE_ACT_DELETED:
            self._forget("group", group)
            self.db.execute("DELETE FROM member WHERE group_id = ?", (group,))
        if change.HasField("current"):
            self._keep("group", group, change.current)
        self._join((group, member) for member in change.members_added)
        for member in change.members_removed:
            self.db.execute("DELETE FROM member WHERE group_id = ? AND member_id = ?", (group, member))
        if change.act == feed.RESOURCE_ACT_RESTORED:
            self._join((outer, group) for outer in change.group_ids)

    def _keep(self, kind: str, id: str, message) -> None:
        text = json.dumps(MessageToDict(message))
        self.db.execute("INSERT OR REPLACE INTO thing VALUES (?, ?, ?)", (kind, id, text))

    def _forget(self, kind: str, id: str) -> None:
        """With a person or group their memberships go."""
        self.db.execute("DELETE FROM thing WHERE kind = ? AND id = ?", (kind, id))
        self.db.execute("DELETE FROM member WHERE member_id = ?", (id,))

    def _join(self, pairs) -> None:
        self.db.executemany("INSERT OR IGNORE INTO member VALUES (?, ?)", pairs)

    def show(self) -> str:
        things = self.db.execute("SELECT kind, id, json FROM thing ORDER BY kind, id")
        members = self.db.execute("SELECT group_id, member_id FROM member ORDER BY group_id, member_id")
        return json.dumps({
            "things": [[kind, id, json.loads(text)] for kind, id, text in things],
            "members": members.fetchall(),
        })


def follow(mirror: Mirror, watch: WatchServiceStub, workspace_id: str) -> None:
    """Until the stream ends, with the error by which it does."""
    cursor = mirror.cursor()
    ask = feed.WatchRequest(
        workspace_id=workspace_id,
        cursor=cursor,
        start=feed.WATCH_START_SNAPSHOT,
        heartbeat_interval=Duration(seconds=HEARTBEAT),
    )
    stream = watch.Watch(ask, metadata=directory.credential())
    while True:
        dead = threading.Timer(PATIENCE, stream.cancel)
        dead.start()
        try:
            answer = next(stream)
        finally:
            dead.cancel()
        mirror.take(answer)
        print(answer.WhichOneof("item"), flush=True)


def main(workspace_id: str, file: str) -> None:
    mirror = Mirror(file)
    pause = 0.1
    while True:
        begun = time.monotonic()
        try:
            with directory.connect() as channel:
                follow(mirror, WatchServiceStub(channel), workspace_id)
        except grpc.RpcError as error:
            if directory.reason(error) in ("CURSOR_EXPIRED", "INVALID_CURSOR"):
                mirror.begin_anew()
            elif error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
        # What ran for a while may come back at once; by lot, so that not all come together.
        pause = 0.1 if time.monotonic() - begun > PATIENCE else min(pause * 2, 5)
        time.sleep(pause * random.uniform(0.5, 1))


if __name__ == "__main__":
    try:
        if sys.argv[1] == "--show":
            print(Mirror(sys.argv[2]).show())
        else:
            main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
