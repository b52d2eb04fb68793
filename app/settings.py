"""Everything that an operator can set, read from the environment; `docs/OPERATING.md` lists it."""

import os
import re
import resource
import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from app.http.connection_limits import ConnectionLimits
from app.origins import origins_of, web_address
from app.policy_file import InvalidPolicy, read_policy
from auth.policy import ALGORITHMS, HMAC_ALGORITHMS, TokenPolicy
from db.engine.address import parsed
from db.engine.errors import InvalidDatabaseUrl
from db.engine.limits import Limits
from resolvers.policy import Policy

SHORTEST_SECRET = 32
# Of a process's file descriptors: for the database, uploads, and stored files that are being served.
RESERVED_FILES = 256
# Whatever is larger was mistyped, and would not fit in a number of the database's or a timer's somewhere.
MOST = 1_000_000
LONGEST_POLL_SECONDS = 3600
Amount = Annotated[int, Field(ge=1, le=MOST)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
# What PostgreSQL has as whole milliseconds.
Timeout = Annotated[float, Field(ge=0.001, le=86_400)]


KEYS_IN_PEM = {"jwt_secret_key", "jwt_secret_keys"}
# What stands in addresses and headers of requests to Google.
WORDS = (
    {
        "google_cloud_project": (re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*"), "a project's id, such as my-project-1"),
        "google_cloud_location": (re.compile(r"[a-z0-9][a-z0-9-]*"), "a region, such as us-central1"),
    }
    | dict.fromkeys(
        ("google_api_key", "gemini_api_key", "google_express_api_key"),
        (re.compile(r"[!-~]+"), "a key as Google shows it: one word of ASCII"),
    )
    | {
        "omni_api_version": (re.compile(r"v[0-9][a-z0-9]*"), "a version such as v1beta"),
    }
)


class InvalidSettings(Exception):
    """The environment does not add up. The message has one sentence for each thing that is wrong."""


class Settings(BaseSettings):
    """The environment of one installation. Empty values count as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")

    database_url: str | None = Field(None, description="PostgreSQL 15 or newer; unset: an embedded server")
    data_dir: Path = Field(Path(".lookreel"), description="Embedded database, local videos, development secret")
    host: str = Field("127.0.0.1", description="Where the API listens")
    port: int = Field(8000, ge=0, le=65535, description="Where the API listens; 0 takes a free port")
    jwt_secret_key: str | None = Field(
        None, min_length=SHORTEST_SECRET, description="Verifies tokens; needed with DATABASE_URL, else made and kept"
    )
    jwt_secret_keys: str = Field(
        "",
        description="More keys that verify, separated by commas; the first signs without a JWT_SECRET_KEY",
    )
    jwt_algorithm: str = Field("HS256", description="The one signature algorithm that is accepted")
    jwt_jwks_url: AnyHttpUrl | None = Field(
        None, description="Key set of an identity provider, instead of a secret key"
    )
    jwt_audience: str | None = Field(None, description="What a token's `aud` must be; unset: not checked")
    jwt_issuer: str | None = Field(None, description="What a token's `iss` must be; unset: not checked")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged")
    mock_seconds: Seconds = Field(8.0, description="How long a mock generation takes")
    policy_file: Path | None = Field(None, description="Costs, tiers, prices, refunds, ceilings; unset: the seed's")
    refund_failed_jobs: bool = Field(False, description="Whether a failed job's tokens come back")  # noqa: FBT003 - pydantic's default
    google_cloud_project: str | None = Field(None, description="Generates with Veo in this Google Cloud project")
    google_cloud_location: str = Field("us-central1", description="The region where Veo runs")
    google_api_key: str | None = Field(None, description="Generates with Omni, by a key of the Gemini Developer API")
    gemini_api_key: str | None = Field(None, description="The same as GOOGLE_API_KEY, which wins")
    google_express_api_key: str | None = Field(
        None, description="Generates with Veo in express mode, instead of a project"
    )
    google_gemini_base_url: str | None = Field(None, description="Stands for the Developer API's own host")
    google_vertex_base_url: str | None = Field(None, description="Stands for Google's own host, such as a proxy")
    veo_poll_seconds: Annotated[float, Field(gt=0, le=LONGEST_POLL_SECONDS)] = Field(
        10.0, description="How often Veo is asked about a video"
    )
    veo_output_gcs_uri: str | None = Field(None, description="Lets Veo leave its videos in a bucket")
    veo_models: dict[str, str] = Field({}, description="Accepted model ids and what each is at Google")
    omni_api_version: str | None = Field(None, description="Unset: v1beta, and v1beta1 for a project")
    omni_poll_seconds: Annotated[float, Field(gt=0, le=LONGEST_POLL_SECONDS)] = Field(
        5.0, description="How often Omni is asked about a video"
    )
    omni_labels: bool = Field(False, description="Whether submits to Omni are labelled with job and attempt")  # noqa: FBT003 - as above
    omni_models: dict[str, str] = Field({}, description="Accepted model ids that Omni makes, and what each is there")
    cloudinary_url: str | None = Field(None, description="Stores at Cloudinary; unset: on the local disk")
    cloudinary_cloud_name: str | None = Field(None, description="With the next two, the same as CLOUDINARY_URL")
    cloudinary_api_key: str | None = Field(None, description="See CLOUDINARY_CLOUD_NAME")
    cloudinary_api_secret: str | None = Field(None, description="See CLOUDINARY_CLOUD_NAME")
    media_urls: Literal["signed", "plain"] = Field(
        "signed", description="Whether addresses of stored files are signed and expire"
    )
    media_secret_key: str | None = Field(
        None, min_length=SHORTEST_SECRET, description="Signs addresses of stored files; unset: the secret of tokens"
    )
    generations_at_once: Amount = Field(100, description="Generations in progress over all workers")
    generations_per_worker: int = Field(
        200, ge=2, le=MOST, description="Jobs that one worker holds at once; others are left to other workers"
    )
    submits_per_minute: Amount = Field(60, description="Submits to Veo a minute over all workers")
    streams_per_user: Amount = Field(100, description="Subscriptions and event streams of one user in one process")
    connections: Amount = Field(5_000, description="Connections of one API process")
    websockets_per_address: Amount = Field(2_500, description="WebSockets of one address in one API process")
    large_bodies_megabytes: Amount = Field(
        128, description="Large bodies of JSON in one API process at once, in megabytes; half of it for one user"
    )
    cors_origins: str = Field("", description="Origins whose pages may call the API, separated by commas, or `*`")
    allowed_hosts: str = Field("", description="Hosts that requests may name, separated by commas; unset: any")
    public_url: str | None = Field(
        None, description="Where clients reach this service, with the prefix of a path; unset: as requests say"
    )
    graphql_introspection: bool = Field(True, description="Whether clients may read the GraphQL schema")  # noqa: FBT003 - as above
    graphql_fast_execution: bool = Field(True, description="Whether GraphQL is executed a field at a time")  # noqa: FBT003 - as above
    graphql_timeout_seconds: Timeout = Field(15.0, description="How long a query or a mutation may take")
    graphql_most_values: Amount = Field(200_000, description="Values that the answer of one operation may hold")
    rest_timeout_seconds: Timeout = Field(15.0, description="How long a REST request may take once it has been read")
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

    @model_validator(mode="before")
    @classmethod
    def _are_texts(cls, values: dict[str, object]) -> dict[str, object]:
        for name, value in values.items():
            if isinstance(value, str) and (not _is_utf8(value) or ("\n" in value and name not in KEYS_IN_PEM)):
                raise ValueError(f"{name.upper()}: must be a line of text in UTF-8")
        return values

    @model_validator(mode="after")
    def _believe_somebody(self) -> Self:
        is_asymmetric = self.jwt_algorithm not in HMAC_ALGORITHMS
        if self.jwt_jwks_url and not is_asymmetric:
            raise ValueError("JWT_JWKS_URL needs an asymmetric JWT_ALGORITHM such as RS256 or ES256.")
        if is_asymmetric and not (self.secret_keys or self.jwt_jwks_url):
            raise ValueError(
                f"JWT_ALGORITHM {self.jwt_algorithm} needs JWT_JWKS_URL, or a public key in PEM as JWT_SECRET_KEY."
            )
        if self.database_url and not (self.secret_keys or self.jwt_jwks_url):
            raise ValueError(
                "With DATABASE_URL set, set JWT_SECRET_KEY (or JWT_JWKS_URL) too: there is no default key."
            )
        return self

    @model_validator(mode="after")
    def _read_the_policy(self) -> Self:
        try:
            self.policy()
        except InvalidPolicy as error:
            raise ValueError(str(error)) from None
        return self

    @field_validator("data_dir")
    @classmethod
    def _is_folder(cls, path: Path) -> Path:
        try:
            nearest = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
        except OSError as error:
            raise ValueError(f"cannot be used: {error.strerror}") from None
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise ValueError(f"must be a folder that we may write to, or make: {nearest} is none")
        return path

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: object) -> object:
        return level.strip().upper() if isinstance(level, str) else level

    @field_validator(*WORDS)
    @classmethod
    def _is_a_word(cls, value: str | None, field: ValidationInfo) -> str | None:
        allowed, meaning = WORDS[str(field.field_name)]
        if value is not None and not allowed.fullmatch(value):
            raise ValueError(f"must be {meaning}")
        return value

    @field_validator("google_vertex_base_url", "google_gemini_base_url", "public_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        return None if url is None else web_address(url)

    @field_validator("jwt_algorithm")
    @classmethod
    def _is_known(cls, algorithm: str) -> str:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"must be one of {', '.join(ALGORITHMS)}")
        return algorithm

    @field_validator("jwt_jwks_url")
    @classmethod
    def _needs_no_password(cls, url: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if url is not None and (url.username or url.password):
            raise ValueError("must not contain a user name or a password: key sets are public")
        return url

    @model_validator(mode="after")
    def _find_the_database(self) -> Self:
        try:
            if self.database_url is not None:
                parsed(self.database_url)
        except InvalidDatabaseUrl as error:
            raise ValueError(str(error)) from None
        return self

    @field_validator("veo_models", "omni_models")
    @classmethod
    def _are_names(cls, models: dict[str, str]) -> dict[str, str]:
        if not all(
            name.strip() and upstream.strip() and _is_utf8(name + upstream) for name, upstream in models.items()
        ):
            raise ValueError('must name models, such as {"veo-3.1-generate-preview": "veo-3.1-generate-001"}')
        return models

    @model_validator(mode="after")
    def _name_one_provider(self) -> Self:
        if both := sorted(self.veo_models.keys() & self.omni_models.keys()):
            raise ValueError(f"VEO_MODELS and OMNI_MODELS both name {', '.join(both)}: leave each id to one of them.")
        return self

    @model_validator(mode="after")
    def _find_cloudinary(self) -> Self:
        """Put the three parts of an account together; a URL that is given wins."""
        parts = {
            "CLOUDINARY_CLOUD_NAME": self.cloudinary_cloud_name,
            "CLOUDINARY_API_KEY": self.cloudinary_api_key,
            "CLOUDINARY_API_SECRET": self.cloudinary_api_secret,
        }
        missing = [name for name, value in parts.items() if value is None]
        if self.cloudinary_url is not None or len(missing) == len(parts):
            return self
        if missing:
            raise ValueError(f"Cloudinary needs {', '.join(missing)} as well, or CLOUDINARY_URL instead of all three.")
        for variable, value in parts.items():
            if not re.fullmatch(r"[\w-]+", value or "", re.ASCII):
                raise ValueError(f"{variable} must consist of letters, digits, '-' and '_'.")
        account = f"{self.cloudinary_api_key}:{self.cloudinary_api_secret}@{self.cloudinary_cloud_name}"
        self.cloudinary_url = f"cloudinary://{account}"
        return self

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        return ",".join(origins_of(origins))

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: str) -> str:
        if wrong := [
            host for host in _items(hosts) if not re.fullmatch(r"(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host)
        ]:
            raise ValueError(f"{wrong[0]!r} is not a host such as studio.example or *.studio.example, without a port")
        return hosts

    @field_validator("jwt_secret_keys")
    @classmethod
    def _are_long_enough(cls, keys: str) -> str:
        if any(len(key) < SHORTEST_SECRET for key in _items(keys)):
            raise ValueError(f"each key should have at least {SHORTEST_SECRET} characters")
        return keys

    @field_validator("veo_output_gcs_uri")
    @classmethod
    def _is_bucket(cls, uri: str | None) -> str | None:
        if uri is not None and not re.fullmatch(r"gs://[^/]+(/.*)?", uri):
            raise ValueError("must be a bucket or a folder in one, such as gs://bucket/folder")
        return uri

    @property
    def developer_api_key(self) -> str | None:
        """The key of the Gemini Developer API. Of two, the one that Google's own SDK would take."""
        return self.google_api_key or self.gemini_api_key

    @property
    def has_veo(self) -> bool:
        """Whether it is said how Veo lets us in."""
        return bool(self.google_cloud_project or self.google_express_api_key)

    @property
    def has_omni(self) -> bool:
        """Whether it is said how Omni lets us in."""
        return bool(self.developer_api_key or self.google_cloud_project)

    def express_mode_notice(self) -> str | None:
        """Return what an operator has to know who has set GOOGLE_API_KEY for an earlier release (decision 28)."""
        if self.google_api_key is None or self.has_veo:
            return None
        return (
            "GOOGLE_API_KEY is taken for a key of the Gemini Developer API, and Omni makes the videos. If it is one "
            "for Veo in express mode, as it was in earlier releases, call it GOOGLE_EXPRESS_API_KEY instead."
        )

    @property
    def scratch_folder(self) -> Path:
        """Where fetched videos are until they have been stored."""
        return self.data_dir / "scratch"

    def policy(self) -> Policy:
        """Return what the owner has decided."""
        return read_policy(self.policy_file)

    def database_limits(self) -> Limits:
        """Return how long requests' and jobs' use of the database may take."""
        return Limits(
            connect=self.database_connect_timeout_seconds,
            statement=self.database_statement_timeout_seconds,
            lock=self.database_lock_timeout_seconds,
            idle_in_transaction=self.database_idle_transaction_timeout_seconds,
        )

    def connection_limits(self) -> ConnectionLimits:
        """Return what connections may take of an API process, which needs file descriptors for other things, too."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return ConnectionLimits(connections=min(self.connections, max(files - RESERVED_FILES, files // 2)))

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may call the API."""
        return origins_of(self.cors_origins)

    @property
    def hosts(self) -> list[str]:
        """The hosts that requests may name, in small letters; none for any."""
        return _items(self.allowed_hosts.lower())

    @property
    def secret_keys(self) -> list[str]:
        """The keys that verify tokens; the first signs."""
        return [*filter(None, [self.jwt_secret_key]), *_items(self.jwt_secret_keys)]

    @property
    def media_folder(self) -> Path:
        """Where local storage keeps videos."""
        return self.data_dir / "media"

    def media_secrets(self) -> list[str]:
        """Return what signs addresses of stored files; the first signs, and all verify.

        Where tokens are verified with a public key, which is no secret, one is kept in the data folder.
        """
        if self.media_secret_key is not None:
            return [self.media_secret_key]
        if self.jwt_jwks_url is not None or self.jwt_algorithm not in HMAC_ALGORITHMS:
            return [_development_secret(self.data_dir / "media-secret")]
        return self.secret_keys or [_development_secret(self.data_dir / "jwt-secret")]

    def token_policy(self) -> TokenPolicy:
        """Return which tokens are believed; without a key of the operator's, one is kept in the data folder."""
        keys = self.secret_keys if self.jwt_jwks_url is None else [None]
        first, *others = keys or [_development_secret(self.data_dir / "jwt-secret")]
        return TokenPolicy(
            algorithm=self.jwt_algorithm,
            secret_key=first,
            other_keys=tuple(filter(None, others)),
            jwks_url=str(self.jwt_jwks_url) if self.jwt_jwks_url else None,
            audience=self.jwt_audience,
            issuer=self.jwt_issuer,
        )


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidSettings: naming every variable that is wrong.

    """
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettings("\n".join(_sentence(dict(problem)) for problem in error.errors())) from None
    except SettingsError as error:
        # What is no JSON is refused before anything else is looked at, and the setting is named in a text only.
        name = re.sub(r'.*field "(\w+)".*', r"\1", str(error)).upper()
        raise InvalidSettings(f'{name}: must be a JSON object, such as {{"name": "value"}}') from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _sentence(problem: dict[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else ""
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message


def _development_secret(path: Path) -> str:
    """Read the key, made if there is none; of many processes at once, all get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(48))
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()
