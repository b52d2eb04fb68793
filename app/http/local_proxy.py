"""Who comes by a Unix socket: a proxy of this machine, which is trusted to say for whom it asks.

uvicorn knows no address of such a client, and so would trust it only where it trusts everybody.
"""

import socket
from asyncio.transports import BaseTransport

import uvicorn

Client = tuple[str, int] | None

EVERYBODY = "*"
PROXY = ("unix", 0)


def client_of(transport: BaseTransport, client: Client) -> Client:
    """Return what stands for the client: its address, unless it came by a Unix socket."""
    connection = transport.get_extra_info("socket")
    return PROXY if connection is not None and connection.family == socket.AF_UNIX else client


def trust_local_proxy(config: uvicorn.Config) -> None:
    """Believe its `X-Forwarded-For` and `X-Forwarded-Proto`, as those of whom `FORWARDED_ALLOW_IPS` names."""
    if config.forwarded_allow_ips != EVERYBODY:
        config.forwarded_allow_ips = f"{config.forwarded_allow_ips},{PROXY[0]}"
