"""CLOUDINARY_URL: whom Cloudinary lets in, what is malformed, and that nobody comes to read the secret."""

import json
import logging
import os
import subprocess
import sys
import traceback

import pytest

from providers.cloudinary.storage import CloudinaryStorage
from resolvers.ports import StorageUnavailable
from tests.doubles.cloudinary import CloudinaryDouble, Fault, Refusal
from tests.doubles.cloudinary_protocol import API_KEY, API_SECRET
from tests.providers.cloudinary.asking import PLAIN_URL, everything


def texts(errors: list[Exception], caplog: pytest.LogCaptureFixture) -> str:
    """Return all that anybody could come to read of some errors, with what caused them."""
    return caplog.text + "".join(line for error in errors for line in traceback.format_exception(error)) + repr(errors)


async def test_ping_says_that_we_are_let_in(storage: CloudinaryStorage, double: CloudinaryDouble) -> None:
    await storage.ping()

    assert double.failures.total() == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ((API_SECRET, "not-the-secret"), "Invalid Signature"),
        ((API_KEY, "1234"), "Unknown API key"),
        (("@demo", "@omed"), "Invalid cloud_name omed"),
    ],
)
async def test_credentials_of_others_are_found_out(
    double: CloudinaryDouble, caplog: pytest.LogCaptureFixture, wrong: tuple[str, str], told: str
) -> None:
    storage = CloudinaryStorage(double.cloudinary_url.replace(*wrong))

    raised = await everything(storage)
    await storage.aclose()

    assert [type(error) for error in raised] == [StorageUnavailable] * 4
    assert told in str(raised[0])
    assert double.uploads == []
    assert "not-the-secret" not in texts(raised, caplog)
    assert API_SECRET not in texts(raised, caplog)


@pytest.mark.parametrize(
    "fault", ["drop", "drop after", "HTML", Refusal(400, "No"), Refusal(401, "No"), Refusal(503, "Busy")]
)
async def test_the_secret_is_in_no_message(
    storage: CloudinaryStorage, double: CloudinaryDouble, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    double.faults.extend([fault] * 4)

    raised = await everything(storage)

    assert len(raised) == 4
    assert API_SECRET not in texts(raised, caplog)
    assert repr(storage) == "CloudinaryStorage('demo')"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "^CLOUDINARY_URL must look like cloudinary://<API key>:<API secret>@<cloud name>$"),
        ("not a url", "^CLOUDINARY_URL must look like "),
        ("https://key:s3cret@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://:s3cret@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@[demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret\u2100@demo", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@demo?signature_version=two", "^CLOUDINARY_URL must look like "),
        ("cloudinary://key:s3cret@demo?upload_prefix=127.0.0.1", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=file:///x", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=http://", "^The upload_prefix in CLOUDINARY_URL must be a URL"),
        ("cloudinary://key:s3cret@demo?upload_prefix=http://[", "^CLOUDINARY_URL must look like "),
    ],
)
def test_a_malformed_url_is_refused_without_being_shown(
    url: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        CloudinaryStorage(url)

    assert "s3cret" not in texts([refused.value], caplog).replace(url, "")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "cloudinary://a:b@other/media.example.com?shorten=true&sign_url=true&cdn_subdomain=true&upload_prefix=http://x",
        "https://a:b@malformed",
        "cloudinary://a:b\u2100@malformed",
    ],
)
def test_the_environment_has_no_say(elsewhere: str) -> None:
    """The SDK would read it as soon as it is imported, and take from there what is not told."""
    program = (
        "import json, os; from providers.cloudinary.storage import CloudinaryStorage as S\n"
        f"storage = S({PLAIN_URL!r})\n"
        "kept = storage.keeps('http://x/demo/image/upload/lookreel/look.png')\n"
        "print(json.dumps([storage.address_of_image('look', 'png'), kept, os.environ['CLOUDINARY_URL']]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "CLOUDINARY_URL": elsewhere},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    address = "https://res.cloudinary.com/demo/image/upload/lookreel/look.png"
    assert json.loads(done.stdout) == [address, False, elsewhere]
    assert done.stderr == ""
