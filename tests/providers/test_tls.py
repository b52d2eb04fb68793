"""The certificates are read once, however many clients there are."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from providers.cloudinary.storage import CloudinaryStorage
from providers.omni.generator import OmniAccess, OmniGenerator
from providers.tls import trusted_certificates
from providers.veo.generator import VeoAccess, VeoGenerator

NOBODY = "http://127.0.0.1:1"


async def test_all_clients_share_one_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create, made = ssl.create_default_context, []

    def counted(*args: Any, **options: Any) -> ssl.SSLContext:
        made.append(create(*args, **options))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    trusted_certificates.cache_clear()

    reached: dict[str, Any] = {"api_key": "the key", "base_url": NOBODY, "poll_seconds": 10.0, "scratch": tmp_path}
    veo = VeoGenerator(VeoAccess(location="us-central1", **reached))
    omni = OmniGenerator(OmniAccess(api_version="v1beta", labelled=False, **reached))
    cloudinary = CloudinaryStorage("cloudinary://key:secret@cloud")
    for client in (veo, omni, cloudinary):
        await client.aclose()

    assert [context.verify_mode for context in made] == [ssl.CERT_REQUIRED]
    assert made[0].check_hostname
