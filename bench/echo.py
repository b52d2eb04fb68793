"""A bare WebSocket server: whatever comes in goes out. What a delivery costs where there is nothing behind it."""

import socket
from typing import Annotated, Any

import typer
import uvicorn
import uvloop


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own callables
    """Serve one connection."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def main(fd: Annotated[int, typer.Option(help="The listening socket's file descriptor")]) -> None:
    """Serve on a socket that the parent has bound."""
    config = uvicorn.Config(
        echo, ws="websockets-sansio", ws_per_message_deflate=False, access_log=False, log_config=None, lifespan="off"
    )
    loop = uvloop.new_event_loop()
    loop.run_until_complete(uvicorn.Server(config).serve(sockets=[socket.socket(fileno=fd)]))


if __name__ == "__main__":
    typer.run(main)
