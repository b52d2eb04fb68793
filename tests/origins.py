"""A page's own server: another origin than the API's, with files and new tokens."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

Mint = Callable[[int], str | None]
"""Makes a token of how many times the asking page has asked before; None for an answer without one."""


class Origin(ThreadingHTTPServer):
    """Serves the files of a folder, and tokens at /tokens/NAME, the name being the asking page's."""

    daemon_threads = True

    def __init__(self, folder: Path, mint: Mint) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self._mint = mint
        self.minted: Counter[str] = Counter()

    def mint(self, name: str) -> str | None:
        token = self._mint(self.minted[name])
        self.minted[name] += 1
        return token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    async def least(self) -> tuple[int, int]:
        """Return how many have asked for tokens, and the smallest number of times that one of them has."""
        return len(self.minted), min(self.minted.values(), default=0)


class Handler(SimpleHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not path.startswith("/tokens/"):
            super().do_GET()
            return
        token = self.server.mint(path.removeprefix("/tokens/"))
        self.send_response(502 if token is None else 200)
        self.end_headers()
        self.wfile.write((token or "<html>Bad gateway</html>").encode())

    def log_message(self, *_arguments: object) -> None:
        """Write nothing: a test's output is its own."""


@contextmanager
def origin(folder: Path, mint: Mint) -> Iterator[Origin]:
    """Serve on a free port until the block ends."""
    with Origin(folder, mint) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
