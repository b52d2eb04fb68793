"""The tables. There are no relations: every read is a statement in `db`."""

from db.tables.accounts import AuditEntry, CreationPause, IdempotencyKey, LedgerEntry, User
from db.tables.base import Base
from db.tables.looks import Look, LookShare, Product
from db.tables.upkeep import FileRemoval, SubmissionPace, Worker
from db.tables.video_jobs import GenerationCost, LookVideo, VideoJob, VideoJobDeletion, VideoJobImage, VideoJobLog

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
]
