"""Whom a verified e-mail address signs in: sign_in.py EMAIL."""

import sys

import grpc

import directory
from nestr.directory.v1 import login_service_pb2 as login
from nestr.directory.v1.login_service_pb2_grpc import LoginServiceStub


def main(email: str) -> None:
    with directory.connect() as channel:
        # Behind Google, Microsoft or SAML: issuer and subject too, so that the first sign-in links them.
        ask = login.ResolveLoginRequest(email=email)
        logins = LoginServiceStub(channel)
        answer = logins.ResolveLogin(ask, timeout=5, metadata=directory.credential())
    for account in answer.accounts:
        whose = f"user {account.user_id} of workspace {account.workspace_id}"
        if account.active:
            print(whose, "signs in")
        else:
            print(f"{whose} is refused: {login.Account.InactiveReason.Name(account.reason)}")
    for joinable in answer.joinable:
        print(f"workspace {joinable.workspace_id} may be joined")
    if not answer.accounts and not answer.joinable:
        print("nobody")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(directory.tell(error))
