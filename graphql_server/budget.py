"""How many values an answer may hold, counted while it is made: a document alone does not say how long lists are."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

MOST_VALUES = 200_000
# So many characters of text count as one more value; most texts are shorter.
TEXT_CHARACTERS = 200


class AnswerTooLarge(GraphQLError):
    """The answer would hold more values than one may; the rest of it is not made."""

    def __init__(self, most: int) -> None:
        message = f"The answer holds more than {most:,} values. Please ask for fewer fields, or for smaller pages."
        super().__init__(message, extensions={"code": "ANSWER_TOO_LARGE"})


class Budget:
    """What is left of one answer."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def spend(self, count: int) -> None:
        """Count values that are going to be made.

        Raises:
            AnswerTooLarge: they are too many, and so is whatever is asked for afterwards

        """
        self._left -= count
        if self._left < 0:
            raise AnswerTooLarge(self._most)

    def spend_texts(self, texts: Sequence[Any]) -> None:
        """Count what long texts take more than other values; null takes nothing.

        Raises:
            AnswerTooLarge

        """
        try:
            joined = "".join(texts)
        except TypeError:
            joined = "".join(filter(None, texts))
        self.spend(len(joined) // TEXT_CHARACTERS)
