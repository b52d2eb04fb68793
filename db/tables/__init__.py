"""The tables. There are no relations: every read is a statement in `db`."""

from db.tables.accounts import CreationPause, IdempotencyKey, LedgerEntry, User
from db.tables.audit import AuditEntry
from db.tables.base import Base, one_of
from db.tables.costs import GenerationCost
from db.tables.looks import Look, LookShare, Product
from db.tables.upkeep import FileRemoval, SubmissionPace, Worker
from db.tables.video_jobs import LookVideo, VideoJob, VideoJobDeletion, VideoJobImage, VideoJobLog

__all__ = [
    "AuditEntry",
    "Base",
    "CreationPause",
    "FileRemoval",
    "GenerationCost",
    "IdempotencyKey",
    "LedgerEntry",
    "Look",
    "LookShare",
    "LookVideo",
    "Product",
    "SubmissionPace",
    "User",
    "VideoJob",
    "VideoJobDeletion",
    "VideoJobImage",
    "VideoJobLog",
    "Worker",
    "one_of",
]
