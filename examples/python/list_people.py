"""Everybody in a workspace, page by page: list_people.py WORKSPACE."""

import sys
from collections.abc import Iterator

import grpc

import directory
from nestr.directory.v1 import user_pb2, user_service_pb2, view_pb2
from nestr.directory.v1.user_service_pb2_grpc import UserServiceStub


def people(users: UserServiceStub, workspace_id: str) -> Iterator[user_pb2.User]:
    """All of them; asks for the next page when the last one is used up."""
    ask = user_service_pb2.ListUsersRequest(
        workspace_id=workspace_id,
        page_size=50,
        # What is not needed is not sent.
        view=view_pb2.View(attributes=["userName"]),
    )
    while True:
        page = users.ListUsers(ask, timeout=10, metadata=directory.credential())
        yield from page.users
        if not page.next_page_token:
            return
        ask.page_token = page.next_page_token


def main(workspace_id: str) -> None:
    count = 0
    with directory.connect() as channel:
        for count, user in enumerate(people(UserServiceStub(channel), workspace_id), start=1):
            print(user.id, user.user_name)
    print(count, "people")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
