"""Videos that the generator leaves in a Cloud Storage bucket."""

from pathlib import Path
from threading import Lock

from google.cloud.storage import Blob, Client  # type: ignore[import-untyped]

_TIMEOUT_SECONDS = 60.0


class BucketResults:
    """Downloads from `gs://` addresses with the Application Default Credentials, in whichever thread it is called.

    With STORAGE_EMULATOR_HOST set, the library goes there instead, and needs no credentials.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._making = Lock()

    def download(self, address: str, target: Path) -> None:
        """Write the object to the file, tried once.

        Raises:
            google.api_core.exceptions.NotFound: there is no such object
            Exception: Google's libraries, and requests below them, raise dozens of kinds

        """
        blob = Blob.from_uri(address, client=self._connected())
        blob.download_to_filename(str(target), timeout=_TIMEOUT_SECONDS, retry=None)

    def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Client:
        """Look for credentials no sooner than needed: it takes seconds where there are none."""
        with self._making:
            if self._client is None:
                self._client = Client()
            return self._client
