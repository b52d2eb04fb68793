"""What an operator can set about the database; `app.settings` has the rest."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from app.setting_types import Timeout
from db.engine.address import parsed
from db.engine.errors import InvalidDatabaseUrl
from db.engine.limits import PoolerMode


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is, what stands in front of it, and how long it may take."""

    database_url: str | None = Field(None, description="PostgreSQL 15 or newer; unset: an embedded server")
    database_direct_url: str | None = Field(
        None, description="PostgreSQL itself, where DATABASE_URL leads to a pooler: to listen, for jobs and to migrate"
    )
    database_pooler_mode: PoolerMode = Field(
        PoolerMode.SESSION, description="What DATABASE_URL keeps: sessions, prepared statements, or neither"
    )
    database_pool_size: int = Field(
        10,
        ge=1,
        le=10_000,
        description="Connections of each process: half as many each for reads, creations and other transactions",
    )
    database_pool_timeout_seconds: Timeout = Field(10.0, description="How long to wait for a connection of the pool")
    database_connect_timeout_seconds: Timeout = Field(5.0, description="How long connecting may take")
    database_statement_timeout_seconds: Timeout = Field(10.0, description="How long a statement may take")
    database_lock_timeout_seconds: Timeout = Field(3.0, description="How long a statement waits for a lock")
    database_idle_transaction_timeout_seconds: Timeout = Field(
        30.0, description="How long a transaction may do nothing"
    )

    @model_validator(mode="after")
    def _find_the_database(self) -> Self:
        for name, url in (("DATABASE_URL", self.database_url), ("DATABASE_DIRECT_URL", self.database_direct_url)):
            try:
                if url is not None:
                    parsed(url)
            except InvalidDatabaseUrl as error:
                raise ValueError(str(InvalidDatabaseUrl(error.reason, name))) from None
        if self.database_direct_url and not self.database_url:
            raise ValueError("DATABASE_DIRECT_URL: there is no DATABASE_URL that it would go around.")
        return self

    @model_validator(mode="after")
    def _suit_the_pooler(self) -> Self:
        if self.database_pooler_mode is PoolerMode.SESSION:
            return self
        if not (self.database_url and self.database_direct_url):
            raise ValueError(
                f"DATABASE_POOLER_MODE: {self.database_pooler_mode} needs DATABASE_URL, which leads to the pooler, and "
                "DATABASE_DIRECT_URL, which goes around it."
            )
        if kept := sorted(parsed(self.database_url).server.keys() - {"application_name"}):
            raise ValueError(
                f"DATABASE_URL cannot be used: {kept[0]} is a session's, which a pooler in transaction mode does not "
                "keep. Set it for the role, by ALTER ROLE."
            )
        return self
