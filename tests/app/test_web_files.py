"""The pages' files: told from others by their content, and fetched from whichever registry npm uses."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from app import web_files
from app.web_files import NoRegistry, NotFetched, WebFile, are_in, fetch, integrity_of

SCRIPT, STYLE = b"let it = 'run'", b"body { margin: 0 }"
# As `openssl dgst -sha384 -binary | base64` has it for an empty file.
EMPTY = "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"
FILES = (
    WebFile("studio@1.2.3/dist/studio.js", integrity_of(SCRIPT)),
    WebFile("studio@1.2.3/studio.css", integrity_of(STYLE)),
)


def put(folder: Path, file: WebFile, content: bytes) -> None:
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def tarball(folder: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(folder / "studio-1.2.3.tgz", "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tarballs that the npm on the PATH fetches from; it fails where there are none."""
    folder = tmp_path / "registry"
    npm = tmp_path / "bin" / "npm"
    for made in (folder, npm.parent):
        made.mkdir()
    script = f'while [ "$1" != --pack-destination ]; do shift; done\ncp {folder}/*.tgz "$2" || exit 1\n'
    npm.write_text(f"#!/bin/sh\n{script}")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_hash_is_written_as_browsers_want_it() -> None:
    assert integrity_of(b"") == EMPTY


def test_files_are_there_when_all_of_them_are_what_they_should_be(tmp_path: Path) -> None:
    put(tmp_path, FILES[0], SCRIPT)
    assert not are_in(tmp_path, FILES)

    put(tmp_path, FILES[1], STYLE)
    assert are_in(tmp_path, FILES)

    put(tmp_path, FILES[0], SCRIPT + b";steal()")
    assert not are_in(tmp_path, FILES)


def test_files_are_taken_out_of_their_packages(registry: Path, tmp_path: Path) -> None:
    tarball(registry, {"dist/studio.js": SCRIPT, "studio.css": STYLE, "install.js": b"rubbish"})
    folder = tmp_path / "web"

    fetch(folder, FILES)

    written = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert written == {"studio@1.2.3/dist/studio.js": SCRIPT, "studio@1.2.3/studio.css": STYLE}


@pytest.mark.parametrize(
    "members",
    [{"dist/studio.js": SCRIPT, "studio.css": STYLE + b"/**/"}, {"dist/studio.js": SCRIPT}, {}],
    ids=["another file", "a file less", "an empty package"],
)
def test_a_package_of_other_files_is_refused_whole(registry: Path, tmp_path: Path, members: dict[str, bytes]) -> None:
    tarball(registry, members)

    with pytest.raises(NotFetched, match="is not what it should be") as refused:
        fetch(tmp_path / "web", FILES)

    assert not isinstance(refused.value, NoRegistry)
    assert not (tmp_path / "web").exists()


def test_a_registry_that_does_not_answer_is_told_in_npms_words(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRegistry, match=rf"npm could not fetch studio@1\.2\.3:\n.*{registry}"):
        fetch(tmp_path / "web", FILES)


def test_the_command_fills_the_data_folder(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tarball(registry, {"dist/studio.js": SCRIPT, "studio.css": STYLE})
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(web_files, "GRAPHIQL", FILES[:1])
    monkeypatch.setattr(web_files, "SWAGGER_UI", FILES[1:])

    web_files.web()

    assert are_in(tmp_path / "web", FILES)
    assert f"GraphiQL and Swagger UI are in {tmp_path / 'web'}" in capsys.readouterr().out


def test_the_command_says_that_npm_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        web_files.web()

    assert ended.value.code == 78
    assert capsys.readouterr().err == "npm is not installed; without it, the pages load their files from a CDN.\n"
