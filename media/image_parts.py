"""Of how many parts a file of an image consists, counted before anything reads them.

Pillow makes an object of each segment of a JPEG, chunk of a PNG and block of a GIF: of millions of empty ones in 20 MB,
hundreds of megabytes, which take seconds. The functions here stop at the limit, and know nothing else of the formats;
what is broken is for others to find.
"""

import re
from collections.abc import Iterator
from typing import Literal

# Cameras and editors write some dozens; encoders of PNG write 8 KB in each chunk, and those of GIF 255 bytes in each.
MOST_PARTS = 10_000
LEAST_BYTES = 200
# Encoders make 20 at most. Each is a walk over all pixels, which of the largest image takes 40 ms, even if it is empty.
MOST_SCANS = 64
_JPEG, _PNG, _GIF, _RIFF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF"
# What follows FF in compressed JPEG data is 00 or a restart mark (D0 to D7); anything else begins a new segment.
# Between segments, FF and 00 may be repeated, and Pillow looks at each.
JPEG_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
JPEG_SCAN = b"\xda"
JPEG_END = b"\xd9"
GIF_EXTENSION, GIF_PICTURE = 0x21, 0x2C


def has_too_many_parts(data: bytes) -> bool:
    """Return whether a file has more parts than its format needs for an image of its size."""
    if data.startswith(_JPEG):
        return _jpeg_has_too_many(data)
    if data.startswith(_PNG):
        return _exceeds(_chunks(data, len(_PNG), "big", 8), MOST_PARTS)
    if data.startswith(_GIF):
        return _exceeds(_gif_blocks(data), MOST_PARTS + len(data) // LEAST_BYTES)
    return data.startswith(_RIFF) and _exceeds(_chunks(data, 12, "little", 0), MOST_PARTS)


def _exceeds(parts: Iterator[object], most: int) -> bool:
    return any(number >= most for number, _ in enumerate(parts))


def _jpeg_has_too_many(data: bytes) -> bool:
    position, count, scans = 2, 0, 0
    while segment := JPEG_SEGMENT.search(data, position, len(data) if scans else position + MOST_PARTS):
        # What is between segments is compressed data behind a scan, and padding before the first.
        count += 1 + (0 if scans else segment.start() - position)
        scans += segment[1] == JPEG_SCAN
        if count > MOST_PARTS or scans > MOST_SCANS:
            return True
        if scans and segment[1] == JPEG_END:
            return False  # nothing reads on: phones put further pictures and films there
        position = segment.end() + int.from_bytes(data[segment.end() : segment.end() + 2], "big")
    return not scans and len(data) - position > MOST_PARTS


def _chunks(data: bytes, position: int, order: Literal["big", "little"], more: int) -> Iterator[int]:
    """Yield where each chunk of PNG (length first, a check sum behind) or RIFF (name first, padded) begins."""
    at = 0 if more else 4
    while position + 8 <= len(data):
        yield position
        length = int.from_bytes(data[position + at : position + at + 4], order)
        position += 12 + length if more else 8 + length + length % 2


def _gif_blocks(data: bytes) -> Iterator[int]:
    """Yield where each block begins, and each part of one."""
    position = 13 + colours_bytes(data[10:11])
    while position < len(data):
        yield position
        kind = data[position]
        if kind == GIF_EXTENSION:
            position += 2
        elif kind == GIF_PICTURE:
            position += 11 + colours_bytes(data[position + 9 : position + 10])
        else:
            # Pillow looks for the next block behind what is none.
            position += 1
            continue
        while position < len(data) and data[position]:
            yield position
            position += 1 + data[position]
        position += 1


def colours_bytes(flags: bytes) -> int:
    """Return how many bytes the table of colours takes that a GIF announces by these flags, which may be missing."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0
