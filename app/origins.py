"""Addresses in the settings, and the origins of `CORS_ORIGINS` as browsers spell them (RFC 6454, section 6.2)."""

import re
from urllib.parse import urlsplit

ANY = "*"
WEB_ADDRESS = re.compile(r"[a-z]+://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/%-]*)?", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9._:-]+")
DEFAULT_PORTS = {"http": 80, "https": 443}


def origins_of(text: str) -> list[str]:
    """Return the origins of a list with commas: in small letters, without a slash at the end or a default port.

    Raises ValueError where one is none; the message has the right spelling where it can be guessed.
    """
    return list(dict.fromkeys(_origin(item.strip()) for item in text.split(",") if item.strip()))


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
