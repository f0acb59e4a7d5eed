"""A service on grpcio that knows each directory and goes by a service config: service.py CONFIG WORKSPACE ADDRESS...
makes people and reads them until SIGTERM, and prints the id and the name of each. It repeats a write by the operation
id that the write has; what else is repeated, the library repeats. The first call that fails ends it."""

import signal
import sys
import uuid
from pathlib import Path

import grpc

import directory
from create_person import create
from nestr.directory.v1 import login_service_pb2, user_pb2, user_service_pb2
from nestr.directory.v1.login_service_pb2_grpc import LoginServiceStub
from nestr.directory.v1.user_service_pb2_grpc import UserServiceStub


def main(config: str, workspace_id: str, *addresses: str) -> None:
    asked_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
    # A name that leads to all of them would be the authority; several addresses make none.
    options = [("grpc.service_config", Path(config).read_text()), ("grpc.default_authority", "directory")]
    with grpc.insecure_channel("ipv4:" + ",".join(addresses), options) as channel:
        users, logins, presented = UserServiceStub(channel), LoginServiceStub(channel), directory.credential()
        while not asked_to_end:
            address = f"ada-{uuid.uuid4()}@acme.com"
            ask = user_service_pb2.CreateUserRequest(
                workspace_id=workspace_id,
                user=user_pb2.User(user_name=address),
                operation_id=str(uuid.uuid4()),
            )
            made = create(users, ask)
            ask = user_service_pb2.GetUserRequest(workspace_id=workspace_id, id=made.id)
            assert users.GetUser(ask, timeout=20, metadata=presented).user_name == address
            ask = login_service_pb2.ResolveLoginRequest(email=address)
            accounts = logins.ResolveLogin(ask, timeout=20, metadata=presented).accounts
            assert [account.user_id for account in accounts] == [made.id]
            print(made.id, address, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
