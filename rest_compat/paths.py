"""Ids in paths. They are read as text: a malformed one is answered like one that does not exist."""

from typing import Annotated

from fastapi import Path

VideoJobId = Annotated[str, Path(description="The video job's id, a UUID")]
LookId = Annotated[str, Path(description="The look's id, a UUID")]
