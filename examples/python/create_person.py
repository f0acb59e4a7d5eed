"""Makes a person once, however often the directory or the way to it fails:
create_person.py WORKSPACE EMAIL."""

import random
import sys
import time
import uuid

import grpc

import directory
from nestr.directory.v1 import user_pb2, user_service_pb2
from nestr.directory.v1.user_service_pb2_grpc import UserServiceStub

# How long one try may take, and all of them together, in seconds.
A_TRY, PATIENCE = 5, 30


def create(users: UserServiceStub, ask: user_service_pb2.CreateUserRequest) -> user_pb2.User:
    """Sends it again until it is answered. All tries have one operation id, so that the directory
    does it once: a try whose answer was lost is found again by the next."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.1
    while True:
        try:
            return users.CreateUser(ask, timeout=A_TRY, metadata=directory.credential())
        except grpc.RpcError as error:
            # By lot, so that all who were cut off together do not come back together.
            wait = (directory.retry_after(error) or pause) * random.uniform(1, 1.5)
            if not may_come_again(error) or time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)
        pause = min(pause * 2, 5)


def may_come_again(error: grpc.RpcError) -> bool:
    match error.code():
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return True
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return directory.reason(error) == "RATE_LIMITED"
    return False


def main(workspace_id: str, email: str) -> None:
    ask = user_service_pb2.CreateUserRequest(
        workspace_id=workspace_id,
        user=user_pb2.User(user_name=email),
        operation_id=str(uuid.uuid4()),
    )
    with directory.connect() as channel:
        print("made", create(UserServiceStub(channel), ask).id)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
