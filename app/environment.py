"""Reading the settings: each thing that is wrong becomes a sentence.

`NAME_FILE` names a file that holds the value of NAME, a secret: so Docker and Kubernetes give it to a process, in whose
environment it does not show then.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, SettingsError

from app.settings import Settings

DOTENV = Path(".env")
MOST_BYTES = 64 * 1024
SECRETS = (
    "database_url",
    "database_direct_url",
    "jwt_secret_key",
    "jwt_secret_keys",
    "media_secret_key",
    "google_api_key",
    "gemini_api_key",
    "google_express_api_key",
    "cloudinary_url",
    "cloudinary_api_secret",
    "metrics_token",
)


class InvalidSettings(Exception):
    """The environment does not add up. The message has one sentence for each thing that is wrong."""


def read_settings() -> Settings:
    """Read the environment, files that it names for secrets, `.env` in the working folder, and files that that names.

    What comes first wins. Raises InvalidSettings naming every variable that is wrong.
    """
    try:
        # The type checker knows the settings alone, not what says where they come from.
        return Settings(_env_file=DOTENV, _env_file_encoding="utf-8", **_secrets())  # type: ignore[arg-type]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f".env: cannot be read: {getattr(error, 'strerror', 'it is no text in UTF-8')}") from None
    except ValidationError as error:
        raise InvalidSettings("\n".join(_sentence(dict(problem)) for problem in error.errors())) from None
    except SettingsError as error:
        # What is no JSON is refused before anything else is looked at, and the setting is named in a text only.
        name = re.sub(r'.*field "(\w+)".*', r"\1", str(error)).upper()
        raise InvalidSettings(f'{name}: must be a JSON object, such as {{"name": "value"}}') from None


def _secrets() -> dict[str, str]:
    """Return the secrets that files hold; what the environment says itself, `.env` names no file for."""
    written = _written()
    for name in (name.removesuffix("_FILE") for name in os.environ):
        written.pop(name, None)
        written.pop(f"{name}_FILE", None)
    return _from_files(written) | _from_files(os.environ)


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that files hold, by name; line ends in the end are no part of a value.

    Raises InvalidSettings: a file cannot be read, or the setting is there as well.
    """
    found = {}
    for name in SECRETS:
        variable = f"{name.upper()}_FILE"
        if path := environment.get(variable):
            if environment.get(name.upper()):
                raise InvalidSettings(f"{variable}: {name.upper()} is set as well. Leave one of them out.")
            found[name] = _secret_in(variable, path)
    return found


def _secret_in(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            contents = file.read(MOST_BYTES + 1)
        text = contents.decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidSettings(f"{variable}: the file cannot be read: {reason}") from None
    if not text or len(contents) > MOST_BYTES:
        raise InvalidSettings(f"{variable}: the file is {'too large' if text else 'empty'}")
    return text


def _written() -> dict[str, str]:
    """Read `.env`. The reader of the settings would leave out what it does not understand."""
    if not DOTENV.is_file():
        return {}
    with DOTENV.open(encoding="utf-8") as file:
        wrong = [line.original.line for line in parse_stream(file) if line.error]
    if wrong:
        raise InvalidSettings(f".env: line {wrong[0]} cannot be read: write NAME=value, and close quotes")
    found = DotEnvSettingsSource(Settings, env_file=DOTENV, env_file_encoding="utf-8").env_vars
    return {name.upper(): value for name, value in found.items() if value}


def _sentence(problem: dict[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else ""
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
