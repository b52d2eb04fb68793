"""Lists inside lists: how many rows are read at once for all parents of a page."""

MOST_NESTED = 20_000
# One more, so that it is seen that there are too many.
NESTED_LIMIT = MOST_NESTED + 1
