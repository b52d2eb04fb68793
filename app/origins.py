"""`CORS_ORIGINS`: the origins whose pages may call the API, as browsers spell them (RFC 6454, section 6.2)."""

from urllib.parse import urlsplit

ANY = "*"
DEFAULT_PORTS = {"http": 80, "https": 443}


def origins_of(text: str) -> list[str]:
    """Return the origins of a list with commas: in small letters, without a slash at the end or a default port.

    Raises:
        ValueError: one of them is none; the message has the right spelling where it can be guessed

    """
    return list(dict.fromkeys(_origin(item.strip()) for item in text.split(",") if item.strip()))


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
    if not host or ANY in host or url.username is not None:
        raise ValueError(f"'{text}' is no origin: write a scheme, a host and a port, such as https://studio.example")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{url.scheme}://{shown}" + (f":{port}" if port not in {None, DEFAULT_PORTS[url.scheme]} else "")
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError(f"'{text}' is no origin: an origin has no path; write {origin}")
    return origin
