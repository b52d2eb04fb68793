"""Reading the settings: each thing that is wrong becomes a sentence."""

import os
import re
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, SettingsError

from app.secret_files import UnreadableSecret, secrets_from_files
from app.settings import Settings

DOTENV = Path(".env")


class InvalidSettings(Exception):
    """The environment does not add up. The message has one sentence for each thing that is wrong."""


def read_settings() -> Settings:
    """Read the environment, files that it names for secrets, `.env` in the working folder, and files that that names.

    What comes first wins. Raises InvalidSettings naming every variable that is wrong.
    """
    try:
        # The type checker knows the settings alone, not what says where they come from.
        return Settings(_env_file=DOTENV, _env_file_encoding="utf-8", **_secrets())  # type: ignore[arg-type]
    except UnreadableSecret as error:
        raise InvalidSettings(str(error)) from None
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
    return secrets_from_files(written) | secrets_from_files(os.environ)


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
