"""Whether all of a multipart form has come: its parser takes the end of the body for the end of the form."""

from http import HTTPStatus

from python_multipart.multipart import parse_options_header

from graphql_server.http_answers import Refused

_BLANK = b" \t\r\n"


class WholeForm:
    """Looks for the delimiter that closes a form (RFC 2046, section 5.1.1), while its body comes in pieces."""

    def __init__(self, content_type: str) -> None:
        _, parameters = parse_options_header(content_type)
        self._closing = b"\r\n--" + parameters.get(b"boundary", b"") + b"--"
        # The first delimiter may be the first thing that comes.
        self._tail = b"\r\n"
        self._is_closed = False

    def look_at(self, piece: bytes, *, is_last: bool) -> None:
        """Look at the next piece.

        Raises:
            Refused: the form goes on after its end, or the body ends before it.

        """
        rest = piece
        if not self._is_closed:
            seen = self._tail + piece
            end = seen.find(self._closing)
            self._is_closed = end >= 0
            rest = seen[end + len(self._closing) :] if self._is_closed else b""
            self._tail = seen[-len(self._closing) :]
        if rest.strip(_BLANK):
            raise Refused(HTTPStatus.BAD_REQUEST, "The form goes on after its closing boundary")
        if is_last and not self._is_closed:
            sentence = "The form has not come as a whole: its closing boundary is missing"
            raise Refused(HTTPStatus.BAD_REQUEST, sentence)
