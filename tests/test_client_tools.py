"""Both APIs' descriptions, as linters, generators and compilers from npm and PyPI read them (`make clients`)."""

import shutil
from pathlib import Path

import pytest

from bench.clients import NOT_INSTALLED, TOOLS, furnish, tried

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="the tools come from npm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    furnish(folder)
    return folder


@pytest.mark.parametrize("title", TOOLS)
def test_each_takes_them_without_an_error(folder: Path, title: str) -> None:
    finding = tried(folder, title, TOOLS[title])

    if finding.tried.startswith("skipped") or (finding.lost and finding.lost[0].startswith(NOT_INSTALLED)):
        pytest.skip("; ".join((finding.tried, *finding.lost)))
    assert finding.lost == []
