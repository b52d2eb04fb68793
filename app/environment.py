"""Reading the settings: each thing that is wrong becomes a sentence."""

import os
import re

from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.secret_files import UnreadableSecret, secrets_from_files
from app.settings import Settings


class InvalidSettings(Exception):
    """The environment does not add up. The message has one sentence for each thing that is wrong."""


def read_settings() -> Settings:
    """Read the environment, files that it names for secrets, and `.env` in the working folder, in this order.

    Raises:
        InvalidSettings: naming every variable that is wrong.

    """
    try:
        # The type checker knows the settings alone, not what says where they come from.
        return Settings(_env_file=".env", _env_file_encoding="utf-8", **secrets_from_files(os.environ))  # type: ignore[arg-type]
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


def _sentence(problem: dict[str, object]) -> str:
    location = problem["loc"]
    name = str(location[0]).upper() if isinstance(location, tuple) and location else ""
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
