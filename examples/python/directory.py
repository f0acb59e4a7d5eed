"""What the examples share: the way to the directory, and what a refusal says."""

import os
from urllib.parse import urlsplit

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# A page of 200 large people is more than grpcio's 4 MiB.
OPTIONS = [("grpc.max_receive_message_length", 64 * 1024 * 1024)]


def connect() -> grpc.Channel:
    """The directory at NESTR_SCIM_DIRECTORY."""
    url = urlsplit(os.environ.get("NESTR_SCIM_DIRECTORY", "http://127.0.0.1:50051"))
    if url.scheme == "https":
        return grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(), OPTIONS)
    return grpc.insecure_channel(url.netloc, OPTIONS)


def credential() -> list[tuple[str, str]]:
    """The metadata of every call: who holds NESTR_SCIM_CREDENTIAL."""
    return [("authorization", f"Bearer {os.environ['NESTR_SCIM_CREDENTIAL']}")]


def reason(error: grpc.RpcError) -> str | None:
    """The reason of a refusal; None: a fault of the directory, or of the way to it."""
    info = _detail(error, error_details_pb2.ErrorInfo())
    return info.reason if info and info.domain == "directory.nestr.io" else None


def retry_after(error: grpc.RpcError) -> float | None:
    """After how many seconds to try again; None: the directory does not say."""
    info = _detail(error, error_details_pb2.RetryInfo())
    return info.retry_delay.ToTimedelta().total_seconds() if info else None


def tell(error: grpc.RpcError) -> str:
    """A refusal by its reason, or a failure by its code."""
    if why := reason(error):
        return f"refused ({why}): {error.details()}"
    return f"failed ({error.code().name}): {error.details()}"


def _detail(error, message):
    status = rpc_status.from_call(error)
    found = (detail.Unpack(message) for detail in (status.details if status else []))
    return message if any(found) else None
