"""FastAPI with one route and nothing behind it: how soon a Python server can answer at all."""

from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def health() -> dict[str, str]:
    """Answer."""
    return {"status": "ok"}


def main(port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1")]) -> None:
    """Serve."""
    uvicorn.run(app, port=port, access_log=False, log_config=None)


if __name__ == "__main__":
    typer.run(main)
