"""Asks once, by a channel that goes by a service config alone: configured.py CONFIG read|write WORKSPACE."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import grpc

import directory
from nestr.directory.v1 import user_pb2, user_service_pb2, workspace_service_pb2
from nestr.directory.v1.user_service_pb2_grpc import UserServiceStub
from nestr.directory.v1.workspace_service_pb2_grpc import WorkspaceServiceStub


def main(config: str, act: str, workspace_id: str) -> None:
    place = urlsplit(os.environ["NESTR_SCIM_DIRECTORY"]).netloc
    options = [("grpc.service_config", Path(config).read_text())]
    with grpc.insecure_channel(place, options) as channel:
        if act == "read":
            ask = workspace_service_pb2.GetWorkspaceRequest(workspace_id=workspace_id)
            call = WorkspaceServiceStub(channel).GetWorkspace
        else:
            user = user_pb2.User(user_name="configured")
            ask = user_service_pb2.CreateUserRequest(workspace_id=workspace_id, user=user)
            call = UserServiceStub(channel).CreateUser
        print(call(ask, timeout=20, metadata=directory.credential()).id)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
