"""Everything that an operator can set, read from the environment; `docs/OPERATING.md` lists it."""

import resource
from pathlib import Path
from tempfile import gettempdir
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from app.database_settings import DatabaseSettings
from app.http.connection_limits import ConnectionLimits
from app.policy_file import InvalidPolicy, read_policy
from app.setting_types import (
    MOST,
    SHORTEST_SECRET,
    UNIX,
    Algorithm,
    Amount,
    ApiVersion,
    BucketFolder,
    Days,
    Folder,
    GoogleKey,
    HeaderToken,
    Hosts,
    KeySetAddress,
    ListenHost,
    LogLevel,
    ModelNames,
    Origins,
    PollSeconds,
    ProjectId,
    Region,
    Seconds,
    SecretKeys,
    Timeout,
    WebAddress,
    cloudinary_url_of,
    complaint,
    items_of,
    kept_secret,
    origins_of,
    refused_to_write,
)
from auth.policy import HMAC_ALGORITHMS, TokenPolicy
from resolvers.policy import Policy

# Of a process's file descriptors: for the database, uploads, and stored files that are being served.
RESERVED_FILES = 256


KEYS_IN_PEM = {"jwt_secret_key", "jwt_secret_keys"}


class Settings(DatabaseSettings):
    """The environment of one installation. Empty values count as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")
    _can_write: bool = True

    data_dir: Folder = Field(Path(".lookreel"), description="Embedded database, local videos, secrets of its own")
    host: ListenHost = Field("127.0.0.1", description="Where the API listens: an address, or unix: and a path")
    port: int = Field(8000, ge=0, le=65535, description="Where the API listens; 0 takes a free port")
    jwt_secret_key: str | None = Field(
        None, min_length=SHORTEST_SECRET, description="Verifies tokens; needed with DATABASE_URL, else made and kept"
    )
    jwt_secret_keys: SecretKeys = Field(
        "", description="More keys that verify, separated by commas; the first signs without a JWT_SECRET_KEY"
    )
    jwt_algorithm: Algorithm = Field("HS256", description="The one signature algorithm that is accepted")
    jwt_jwks_url: KeySetAddress | None = Field(
        None, description="Key set of an identity provider, instead of a secret key"
    )
    jwt_audience: str | None = Field(None, description="What a token's `aud` must be; unset: not checked")
    jwt_issuer: str | None = Field(None, description="What a token's `iss` must be; unset: not checked")
    log_level: LogLevel = Field("INFO", description="How much is logged")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or an object in JSON each")
    log_requests: bool = Field(False, description="Whether each request is logged, by its route")  # noqa: FBT003 - as below
    metrics_token: HeaderToken | None = Field(
        None, min_length=SHORTEST_SECRET, description="Opens `/metrics` for a scraper; unset: there are no metrics"
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Where a worker that runs alone answers `/metrics`, at HOST; unset: nowhere"
    )
    otel_exporter_otlp_endpoint: WebAddress | None = Field(
        None, description="Where traces are sent by OTLP, with the extra `otel`; unset: nowhere"
    )
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = Field("http/protobuf", description="How they are sent")
    mock_seconds: Seconds = Field(8.0, description="How long a mock generation takes")
    policy_file: Path | None = Field(None, description="Costs, tiers, prices, refunds, ceilings; unset: the seed's")
    refund_failed_jobs: bool = Field(False, description="Whether a failed job's tokens come back")  # noqa: FBT003 - pydantic's default
    google_cloud_project: ProjectId | None = Field(None, description="Generates with Veo in this Google Cloud project")
    google_cloud_location: Region = Field("us-central1", description="The region where Veo runs")
    google_api_key: GoogleKey | None = Field(None, description="Generates with Omni: a key of the Gemini Developer API")
    gemini_api_key: GoogleKey | None = Field(None, description="The same as GOOGLE_API_KEY, which wins")
    google_express_api_key: GoogleKey | None = Field(
        None, description="Generates with Veo in express mode, instead of a project"
    )
    google_gemini_base_url: WebAddress | None = Field(None, description="Stands for the Developer API's own host")
    google_vertex_base_url: WebAddress | None = Field(None, description="Stands for Google's own host, such as a proxy")
    veo_poll_seconds: PollSeconds = Field(10.0, description="How often Veo is asked about a video")
    veo_output_gcs_uri: BucketFolder | None = Field(None, description="Lets Veo leave its videos in a bucket")
    veo_models: ModelNames = Field({}, description="Accepted model ids and what each is at Google")
    omni_api_version: ApiVersion | None = Field(None, description="Unset: v1beta, and v1beta1 for a project")
    omni_poll_seconds: PollSeconds = Field(5.0, description="How often Omni is asked about a video")
    omni_labels: bool = Field(False, description="Whether submits to Omni are labelled with job and attempt")  # noqa: FBT003 - as above
    omni_models: ModelNames = Field({}, description="Accepted model ids that Omni makes, and what each is there")
    fallback_models: ModelNames = Field(
        {}, description="Accepted model ids and another provider's, which makes what the first does not accept"
    )
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
    inputs_kept_days: Days = Field(7, description="For how long after a job's end its images are kept for a retry")
    retain_jobs_days: Days = Field(0, description="For how long ended jobs and their videos are kept; 0: for ever")
    retain_job_logs_days: Days = Field(0, description="For how long lines of jobs' logs are kept; 0: as the job")
    retain_queue_statistics_days: Days = Field(1, description="For how long PgQueuer's log is kept; 0: for ever")
    retain_audit_days: Days = Field(0, description="For how long is kept what admins and operators did; 0: for ever")
    generations_at_once: Amount = Field(100, description="Generations in progress over all workers")
    generations_per_worker: int = Field(
        200, ge=2, le=MOST, description="Jobs that one worker holds at once; others are left to other workers"
    )
    no_worker_seconds: int = Field(
        600, ge=0, le=86_400, description="Creations are refused once no worker has been there for so long; 0: never"
    )
    submits_per_minute: Amount = Field(60, description="Submits to Veo a minute over all workers")
    streams_per_user: Amount = Field(100, description="Subscriptions and event streams of one user in one process")
    connections: Amount = Field(5_000, description="Connections of one API process")
    websockets_per_address: Amount = Field(2_500, description="WebSockets of one address in one API process")
    large_bodies_megabytes: Amount = Field(
        128, description="Large bodies of JSON in one API process at once, in megabytes; half of it for one user"
    )
    cors_origins: Origins = Field("", description="Origins whose pages may call the API, separated by commas, or `*`")
    allowed_hosts: Hosts = Field("", description="Hosts that requests may name, separated by commas; unset: any")
    public_url: WebAddress | None = Field(
        None, description="Where clients reach this service, with the prefix of a path; unset: as requests say"
    )
    graphql_introspection: bool = Field(True, description="Whether clients may read the GraphQL schema")  # noqa: FBT003 - as above
    graphql_fast_execution: bool = Field(True, description="Whether GraphQL is executed a field at a time")  # noqa: FBT003 - as above
    graphql_timeout_seconds: Timeout = Field(15.0, description="How long a query or a mutation may take")
    graphql_most_values: Amount = Field(200_000, description="Values that the answer of one operation may hold")
    rest_timeout_seconds: Timeout = Field(15.0, description="How long a REST request may take once it has been read")

    @model_validator(mode="before")
    @classmethod
    def _are_texts(cls, values: dict[str, object]) -> dict[str, object]:
        for name, value in values.items():
            kind = cls.model_fields[name].annotation if name in cls.model_fields else None
            wrong = complaint(value, kind, is_pem=name in KEYS_IN_PEM) if isinstance(value, str) else None
            if wrong is not None:
                raise ValueError(f"{name.upper()}: {wrong}")
        return values

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
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

    @model_validator(mode="after")
    def _name_one_provider(self) -> Self:
        if both := sorted(self.veo_models.keys() & self.omni_models.keys()):
            raise ValueError(f"VEO_MODELS and OMNI_MODELS both name {', '.join(both)}: leave each id to one of them.")
        return self

    @model_validator(mode="after")
    def _find_cloudinary(self) -> Self:
        """Put the three parts of an account together; a URL that is given wins."""
        self.cloudinary_url = self.cloudinary_url or cloudinary_url_of(
            {
                "CLOUDINARY_CLOUD_NAME": self.cloudinary_cloud_name,
                "CLOUDINARY_API_KEY": self.cloudinary_api_key,
                "CLOUDINARY_API_SECRET": self.cloudinary_api_secret,
            }
        )
        return self

    @model_validator(mode="after")
    def _can_store(self) -> Self:
        """Look at the folder where something is stored in it; it may be read-only where nothing is."""
        is_asymmetric = self.jwt_jwks_url is not None or self.jwt_algorithm not in HMAC_ALGORITHMS
        makes_secret = self.media_secret_key is None and is_asymmetric
        why = refused_to_write(self.data_dir)
        if why is not None and (self.database_url is None or self.cloudinary_url is None or makes_secret):
            raise ValueError(f"DATA_DIR: {why}")
        self._can_write = why is None
        return self

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

    @property
    def scratch_folder(self) -> Path:
        """Where fetched videos are until they have been stored."""
        return self.data_dir / "scratch" if self._can_write else Path(gettempdir()) / "lookreel-scratch"

    @property
    def has_unix_socket(self) -> bool:
        """Whether the API listens at a path, where only a proxy of this machine comes."""
        return self.host.startswith(UNIX)

    def policy(self) -> Policy:
        """Return what the owner has decided."""
        return read_policy(self.policy_file)

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
        return items_of(self.allowed_hosts.lower())

    @property
    def secret_keys(self) -> list[str]:
        """The keys that verify tokens; the first signs."""
        return [*filter(None, [self.jwt_secret_key]), *items_of(self.jwt_secret_keys)]

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
            return [kept_secret(self.data_dir / "media-secret")]
        return self.secret_keys or [kept_secret(self.data_dir / "jwt-secret")]

    def token_policy(self) -> TokenPolicy:
        """Return which tokens are verified; without a key of the operator's, one is kept in the data folder."""
        keys = self.secret_keys if self.jwt_jwks_url is None else [None]
        first, *others = keys or [kept_secret(self.data_dir / "jwt-secret")]
        return TokenPolicy(
            algorithm=self.jwt_algorithm,
            secret_key=first,
            other_keys=tuple(filter(None, others)),
            jwks_url=str(self.jwt_jwks_url) if self.jwt_jwks_url else None,
            audience=self.jwt_audience,
            issuer=self.jwt_issuer,
        )
