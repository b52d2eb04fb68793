"""Where the API listens: at an address of TCP, or at a Unix socket."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from app.environment import InvalidSettings
from app.setting_types import UNIX

BACKLOG = 1024
# A program that listens accepts at once, whatever it is busy with: the kernel does so.
PROBE_SECONDS = 1.0
# Like a port of this machine: who may come as far as the file is for its folder to say.
SOCKET_MODE = 0o666


def listen(host: str, port: int) -> socket.socket:
    """Bind the API's address: `unix:` and a path, or a host, where port 0 is a free one and `::` both families' all.

    Raises InvalidSettings when the address cannot be had.
    """
    is_unix = host.startswith(UNIX)
    try:
        listener = UnixListener(Path(host.removeprefix(UNIX))) if is_unix else _tcp(host, port)
    except (OSError, UnicodeError) as error:
        where, settings = (host, "HOST") if is_unix else (f"{host}:{port}", "HOST or PORT")
        why = getattr(error, "strerror", None) or error
        message = f"Cannot listen on {where}: {why}. Set {settings} to another address."
        raise InvalidSettings(message) from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return listener


def url_at(host: str, port: int) -> str:
    """Return the URL of a host, which may be an IPv6 address, and a port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class UnixListener(socket.socket):
    """A Unix socket that listens; its file goes when it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(socket.AF_UNIX)
        self._path = path
        self._file: os.stat_result | None = None
        try:
            _make_way(path)
            self.bind(str(path))
            self._file = path.lstat()
            path.chmod(SOCKET_MODE)
            self.listen(BACKLOG)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the file, unless it is another's by now, and stop listening: before that, no other takes its place."""
        with suppress(OSError):
            if self._file is not None and os.path.samestat(self._file, self._path.lstat()):
                self._path.unlink()
        self._file = None
        super().close()


def _tcp(host: str, port: int) -> socket.socket:
    host.encode("idna")  # of what is no name, `create_server` would leave a socket behind
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    # Accepted connections inherit it; uvloop sets it by itself, asyncio does not, which costs up to 40 ms an answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _make_way(path: Path) -> None:
    """Remove a socket that nobody listens on any more, as a killed process leaves it; OSError for all else."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}")
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file, which is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(errno.EADDRINUSE, "somebody listens there")
