"""What a setting may be: each type refuses other values in a sentence that `app.settings` puts the name before.

And what an option of a command may say: numbers in plain digits, where Python would read 1_000, too, and durations; and
the secrets that an installation has of its own.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, TypeAdapter

from auth.policy import ALGORITHMS
from resolvers.texts import has_odd_digits, plain_number

ANY = "*"
WEB_ADDRESS = re.compile(r"[a-z]+://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/%-]*)?", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9._:-]+")
DEFAULT_PORTS = {"http": 80, "https": 443}


def origins_of(text: str) -> list[str]:
    """Return the origins of a list with commas: in small letters, without a slash at the end or a default port.

    Raises ValueError where one is none; the message has the right spelling where it can be guessed.
    """
    return list(dict.fromkeys(map(_origin, items_of(text))))


def web_address(text: str) -> str:
    """Return a base URL without a slash at its end, such as `https://studio.example/lookreel`.

    Raises ValueError for what is none.
    """
    text = text.strip()
    try:
        url = urlsplit(text)
        is_one = url.scheme in DEFAULT_PORTS and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_one = False
    if not is_one or not WEB_ADDRESS.fullmatch(text):
        raise ValueError("must be an address with http:// or https://, without a password, a query or a fragment")
    return text.rstrip("/")


def _origin(text: str) -> str:
    if text == ANY:
        return text
    url = urlsplit(text)
    if url.scheme not in DEFAULT_PORTS:
        hint = f"; write https://{text}, or http://{text}" if "://" not in text and text != "null" else ""
        raise ValueError(f"'{text}' is no origin: it begins with neither http:// nor https://{hint}")
    try:
        host, port = (url.hostname or "").encode("idna").decode(), url.port
    except ValueError:
        host, port = "", None
    if not HOST.fullmatch(host) or url.username is not None:
        raise ValueError(f"'{text}' is no origin: write a scheme, a host and a port, such as https://studio.example")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{url.scheme}://{shown}" + (f":{port}" if port not in {None, DEFAULT_PORTS[url.scheme]} else "")
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError(f"'{text}' is no origin: an origin has no path; write {origin}")
    return origin


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=36_525)

T = TypeVar("T", int, float)

SHORTEST_SECRET = 32
# What a HOST begins with that is the path of a Unix socket; and how many bytes of a path the kernel takes.
UNIX = "unix:"
LONGEST_SOCKET_PATH = 107
NO_FOLDER = "must be a folder that we may write to, or make: {} is none"
# Whatever is larger was mistyped, and would not fit in a number of the database's or a timer's somewhere.
MOST = 1_000_000
LONGEST_POLL_SECONDS = 3600
_NUMBERS = (int, float, int | None)
_ACCOUNT_PART = re.compile(r"[\w-]+", re.ASCII)
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def items_of(text: str) -> list[str]:
    """Return what a text names, separated by commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def is_utf8(text: str) -> bool:
    """Whether a text was UTF-8 in the environment."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def complaint(text: str, kind: object, *, is_pem: bool) -> str | None:
    """Return what no setting of that type may be, None where nothing is wrong so far."""
    if not is_utf8(text) or ("\n" in text and not is_pem):
        return "must be a line of text in UTF-8"
    if text.isspace():
        return "is blank: leave it out where nothing is meant"
    if kind in _NUMBERS and has_odd_digits(text):
        return "must be a number in plain digits, such as 8000"
    return None


def _must(is_right: Callable[[Any], object], sentence: str) -> AfterValidator:
    def checked(value: object) -> object:
        if not is_right(value):
            raise ValueError(sentence)
        return value

    return AfterValidator(checked)


def _matching(pattern: str, meaning: str) -> AfterValidator:
    return _must(re.compile(pattern).fullmatch, f"must be {meaning}")


def _is_folder(path: Path) -> Path:
    try:
        path = path.expanduser()
        nearest = _nearest(path)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot be used: {getattr(error, 'strerror', error)}") from None
    if not nearest.is_dir():
        raise ValueError(NO_FOLDER.format(nearest))
    return path


def refused_to_write(path: Path) -> str | None:
    """Return why nothing can be stored in a folder, or in the one in which it would be made; None where it can."""
    nearest = _nearest(path)
    return None if os.access(nearest, os.W_OK | os.X_OK) else NO_FOLDER.format(nearest)


def _nearest(path: Path) -> Path:
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def _is_reachable(host: str) -> str:
    path = host.removeprefix(UNIX)
    if path != host and not path.startswith("/"):
        raise ValueError(f"{path!r} must be an absolute path, such as unix:/run/lookreel/api.sock")
    if path != host and len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ValueError(f"the path of a Unix socket has {LONGEST_SOCKET_PATH} bytes at most")
    return host


def _in_capitals(level: object) -> object:
    return level.strip().upper() if isinstance(level, str) else level


def _needs_no_password(url: AnyHttpUrl) -> bool:
    return not (url.username or url.password)


def _are_names(models: dict[str, str]) -> bool:
    return all(name.strip() and upstream.strip() and is_utf8(name + upstream) for name, upstream in models.items())


def _are_hosts(hosts: str) -> str:
    if wrong := [host for host in items_of(hosts) if not _HOST.fullmatch(host)]:
        raise ValueError(f"{wrong[0]!r} is not a host such as studio.example or *.studio.example, without a port")
    return hosts


def _are_long_enough(keys: str) -> bool:
    return all(len(key) >= SHORTEST_SECRET for key in items_of(keys))


def kept_secret(path: Path) -> str:
    """Read a secret of the installation's own, made if there is none; of many processes at once, all get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


def cloudinary_url_of(parts: Mapping[str, str | None]) -> str | None:
    """Return the URL of an account, given as its console shows it by the variable of each part; None without any.

    Raises ValueError for parts that are missing, or that a URL cannot hold.
    """
    missing = [variable for variable, value in parts.items() if value is None]
    if len(missing) == len(parts):
        return None
    if missing:
        raise ValueError(f"Cloudinary needs {', '.join(missing)} as well, or CLOUDINARY_URL instead of all three.")
    for variable, value in parts.items():
        if not _ACCOUNT_PART.fullmatch(value or ""):
            raise ValueError(f"{variable} must consist of letters, digits, '-' and '_'.")
    cloud, key, secret = parts.values()
    return f"cloudinary://{key}:{secret}@{cloud}"


def number(kind: type[T], least: int | None = None, most: int | None = None) -> Callable[[object], T]:
    """Return what reads an option, or refuses it in a sentence."""
    limits = Field(ge=least, le=most)
    checked: Any = Annotated[kind, limits, BeforeValidator(_whole if kind is int else plain_number)]
    return TypeAdapter[T](checked).validate_python


def _whole(value: object) -> object:
    """Return what Pydantic may read a whole number from, which for it 3.0 is one of."""
    return [value] if "." in str(value) else plain_number(value)


def duration(text: str) -> timedelta:
    """Return what a text such as 12h says; raise `ValueError` where that is nothing, or more than a century."""
    match = re.fullmatch(r"([0-9]{1,8})([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write a number and s, m, h, d or w, such as 12h")
    found = timedelta(**{UNITS[match[2]]: int(match[1])})
    if not timedelta() < found <= LONGEST:
        raise ValueError(f"{text} is out of range: write 1s to {LONGEST.days}d")
    return found


Amount = Annotated[int, Field(ge=1, le=MOST)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Days = Annotated[int, Field(ge=0, le=3650)]
PollSeconds = Annotated[float, Field(gt=0, le=LONGEST_POLL_SECONDS)]
# What PostgreSQL has as whole milliseconds.
Timeout = Annotated[float, Field(ge=0.001, le=86_400)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_in_capitals)]
Folder = Annotated[Path, AfterValidator(_is_folder)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Origins = Annotated[str, AfterValidator(lambda origins: ",".join(origins_of(origins)))]
Hosts = Annotated[str, AfterValidator(_are_hosts)]
ListenHost = Annotated[str, AfterValidator(_is_reachable)]
SecretKeys = Annotated[str, _must(_are_long_enough, f"each key should have at least {SHORTEST_SECRET} characters")]
Algorithm = Annotated[str, _must(ALGORITHMS.__contains__, f"must be one of {', '.join(ALGORITHMS)}")]
KeySetAddress = Annotated[
    AnyHttpUrl, _must(_needs_no_password, "must not contain a user name or a password: key sets are public")
]
ModelNames = Annotated[
    dict[str, str],
    _must(_are_names, 'must name models, such as {"veo-3.1-generate-preview": "veo-3.1-generate-001"}'),
]
BucketFolder = Annotated[str, _matching(r"gs://[^/]+(/.*)?", "a bucket or a folder in one, such as gs://bucket/folder")]
# What stands in addresses and headers of requests to Google.
ProjectId = Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9.:-]*", "a project's id, such as my-project-1")]
Region = Annotated[str, _matching(r"[a-z0-9][a-z0-9-]*", "a region, such as us-central1")]
HeaderToken = Annotated[
    str, _matching(r"[!-~]([ -~]*[!-~])?", "ASCII without blanks at its ends, as a header can bring it")
]
GoogleKey = Annotated[str, _matching(r"[!-~]+", "a key as Google shows it: one word of ASCII")]
ApiVersion = Annotated[str, _matching(r"v[0-9][a-z0-9]*", "a version such as v1beta")]
