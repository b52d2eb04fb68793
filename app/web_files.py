"""The files of GraphiQL and Swagger UI: which they are, whether they are here, and fetching them.

None of them is part of Lookreel. A browser takes them from a CDN, or from `DATA_DIR/web` where `lookreel web` has put
them; either way it refuses whatever is not exactly the file that is named here.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.environment import InvalidSettings, read_settings
from app.supervisor import EX_CONFIG


class WebFile(NamedTuple):
    """A file of an npm package: `package@version/path`, which is where it is under `DATA_DIR/web` and a CDN's root."""

    name: str
    integrity: str

    @property
    def package(self) -> str:
        """What npm calls the package in this version."""
        return self.name.partition("/")[0]

    def is_same(self, content: bytes) -> bool:
        """Whether this is the file's content."""
        return integrity_of(content) == self.integrity


# The last GraphiQL that comes as plain files, and the last React that does: later ones are modules that a browser would
# have to collect from dozens of addresses, without a hash for most of them.
GRAPHIQL = (
    WebFile(
        "react@18.3.1/umd/react.production.min.js",
        "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    ),
    WebFile(
        "react-dom@18.3.1/umd/react-dom.production.min.js",
        "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
    ),
    WebFile(
        "graphiql@4.1.2/graphiql.min.js", "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B"
    ),
    WebFile(
        "graphiql@4.1.2/graphiql.min.css", "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr"
    ),
)
SWAGGER_UI = (
    WebFile(
        "swagger-ui-dist@5.35.0/swagger-ui-bundle.js",
        "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9",
    ),
    WebFile(
        "swagger-ui-dist@5.35.0/swagger-ui.css",
        "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I",
    ),
)

FETCH_SECONDS = 300


class NotFetched(Exception):
    """The files could not be had. The message says why, for whoever asked for them."""


class NoRegistry(NotFetched):
    """There is no npm, or it does not reach a registry that has the packages."""


def integrity_of(content: bytes) -> str:
    """Return the hash of a file as Subresource Integrity writes it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def are_in(folder: Path, files: Iterable[WebFile]) -> bool:
    """Whether all files are here, and are what they should be."""
    return all((folder / file.name).is_file() and file.is_same((folder / file.name).read_bytes()) for file in files)


def fetch(folder: Path, files: Sequence[WebFile]) -> None:
    """Put the files into the folder, from whichever registry npm uses on this machine.

    Raises NotFetched, and then the folder is as it was.
    """
    with tempfile.TemporaryDirectory() as downloads:
        _pack(downloads, sorted({file.package for file in files}))
        for file, content in [(file, _content(Path(downloads), file)) for file in files]:
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            # A server that starts at this moment must not find half a file.
            fresh = path.with_name(f".{path.name}.fresh")
            fresh.write_bytes(content)
            fresh.replace(path)


def _pack(downloads: str, packages: list[str]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoRegistry("npm is not installed; without it, the pages load their files from a CDN.")
    command = [npm, "pack", *packages, "--pack-destination", downloads, "--ignore-scripts", "--fetch-retries=1"]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True)  # noqa: S603 - npm's own
    except subprocess.CalledProcessError as error:
        raise NoRegistry(f"npm could not fetch {', '.join(packages)}:\n{error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise NoRegistry(f"npm has not fetched {', '.join(packages)} within {FETCH_SECONDS} s.") from error


def _content(downloads: Path, file: WebFile) -> bytes:
    archive = downloads / f"{file.package.replace('@', '-')}.tgz"
    with suppress(KeyError, OSError, tarfile.TarError), tarfile.open(archive) as package:
        member = package.extractfile(f"package{file.name.removeprefix(file.package)}")
        if member and file.is_same(content := member.read()):
            return content
    raise NotFetched(f"{file.name} is not what it should be: the registry has another file of that name.")


def web() -> None:
    """Fetch GraphiQL and Swagger UI with npm, for browsers that do not reach a CDN."""
    try:
        folder = read_settings().data_dir / "web"
        fetch(folder, GRAPHIQL + SWAGGER_UI)
    except (InvalidSettings, NotFetched) as error:
        print(error, file=sys.stderr)  # noqa: T201 - said to the person who asks
        sys.exit(EX_CONFIG)
    said = f"GraphiQL and Swagger UI are in {folder}; a server uses them from its next start on."
    print(said, flush=True)  # noqa: T201 - as above
