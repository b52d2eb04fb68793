"""The contract and the providers' pages agree with the code, and links between documents lead somewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auth.errors import (
    AccessDenied,
    AccountNotActive,
    AdminRequired,
    IdentityProviderUnavailable,
    InvalidCredentials,
    NotABearerToken,
    TokenExpired,
)
from db.engine.errors import DatabaseUnavailable
from providers.veo.models import MODELS
from resolvers import errors
from resolvers.errors import InvalidInput, Refusal
from resolvers.failure_codes import FAILURE_CODES
from rest_compat.errors import ANSWERS
from tests.test_docs import ROOT, rows
from tests.test_error_tables import descendants

CONTRACT = (ROOT / "docs" / "contract.md").read_text()
VEO = (ROOT / "docs" / "veo.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
CLOUDINARY = (ROOT / "docs" / "cloudinary.md").read_text()
OPENAPI: dict[str, Any] = json.loads((ROOT / "rest_compat" / "openapi.json").read_text())
# FastAPI's own shape of a 422, and the create's form, whose fields have a table of their own.
NOT_AMONG_BODIES = {"Body_create_video_job"}

# One of each, whose sentence the contract shows; the sentence of InvalidInput is the rule that was broken.
EXAMPLES: tuple[Refusal | AccessDenied, ...] = (
    InvalidCredentials(),
    NotABearerToken(),
    TokenExpired(),
    IdentityProviderUnavailable(),
    AccountNotActive("suspended"),
    AdminRequired(),
    errors.InvalidLook(),
    errors.InsufficientTokens("video_generation", 50, 20),
    errors.ActiveJobLimit(3, []),
    errors.VideoJobNotFound(),
    errors.LookNotFound(),
    errors.UserNotFound("sharedWithUserIds"),
    errors.VideoNotReady("RUNNING"),
    errors.VideoNotInLook(),
    errors.VideoJobNotCancellable("SUCCEEDED"),
    errors.VideoJobImagesRemoved(),
    errors.IdempotencyKeyReused(),
    errors.ReferenceReused(),
    errors.PriceChanged(50, 80),
    errors.VideoJobDeleted(),
    errors.SpendingCeiling(500, 60),
    errors.Paused("Back at 14:00 UTC."),
    errors.QueueFull(),
    errors.NoWorker(),
    errors.StorageQuota("5,000 looks"),
    errors.TooManyRequests(3),
    errors.AnswerTooLarge(20_000),
    errors.TooManyStreams(100),
    errors.GenerationUnavailable(),
    errors.GenerationSuspended(),
    errors.ImagesNotStored(),
    errors.LookVideosNotMigrated(),
)
# What no class stands for: FastAPI's refusals, bodies that are too long, faults.
OTHER_CODES = {
    "INVALID_REQUEST": 422,
    "TOO_MANY_UPLOADS": 503,
    "BODY_TOO_SLOW": 408,
    "BAD_REQUEST": 400,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "BODY_TOO_LARGE": 413,
    "HEADER_TOO_LARGE": 431,
    "INVALID_HOST": 400,
    "HOST_NOT_ALLOWED": 400,
    "REPEATED_HEADER": 400,
    "TOO_MANY_CONNECTIONS": 429,
    "TOO_MANY_PARAMETERS": 400,
    "TOO_MANY_VALUES": 400,
    "SERVER_RESTARTING": 503,
    "REQUEST_TIMED_OUT": 503,
    "INTERNAL_ERROR": 500,
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(path for path in ROOT.glob("[!.]*/**/*.md") if "node_modules" not in path.parts)]


def anchors(document: Path) -> set[str]:
    """Return the names under which GitHub makes a document's headings reachable."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_contract_names_every_call_and_no_other() -> None:
    named = {
        (method, re.sub(r"\{\w+\}", "{}", path))
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/v1/[\w/{}-]+)", CONTRACT)
    }

    assert named == {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path, _ in operations()}


def test_the_contract_names_every_parameter() -> None:
    sent = {
        parameter["name"].lower()
        for _, _, operation in operations()
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "path"
    }

    assert sent - set(re.findall(r"`([\w-]+)", CONTRACT.lower())) == set()


def test_the_row_of_a_list_has_its_parameters_and_limits() -> None:
    missing = []
    for method, path, operation in operations():
        row = next((line for line in CONTRACT.splitlines() if line.startswith(f"| `{method} {path}` |")), "")
        for parameter in operation.get("parameters", ()):
            schema, name = parameter["schema"], parameter["name"]
            most = parameter.get("description", "").partition("; ")[2]
            limits = f"(default {schema.get('default')}; {most})" if name == "limit" else ""
            if method == "GET" and parameter["in"] == "query" and not re.search(f"`{name}[`=]", row):
                missing.append(f"{method} {path} {name}")
            elif limits not in row:
                missing.append(f"{method} {path} {limits}")

    assert missing == []


def test_the_contract_names_every_field_of_the_form() -> None:
    table = CONTRACT.split("| field | rule |", 1)[1].split("\n\n", 1)[0]
    fields = [name for line in table.splitlines() if "|" in line for name in quoted(line.split("|")[1])]

    assert fields == list(OPENAPI["components"]["schemas"]["Body_create_video_job"]["properties"])


def test_the_contract_has_every_body_with_its_members() -> None:
    documented = {name.strip("`"): quoted(" ".join(row[1:])) for name, row in rows(CONTRACT, "Bodies").items()}

    assert {name: sorted(members) for name, members in documented.items()} == {
        name: sorted(schema["properties"])
        for name, schema in OPENAPI["components"]["schemas"].items()
        if "properties" in schema and name not in NOT_AMONG_BODIES
    }


def test_the_contract_has_every_error_with_its_status() -> None:
    documented = {code.strip("`"): int(row[1]) for code, row in rows(CONTRACT, "Errors").items()}

    unavailable = {DatabaseUnavailable, *descendants(DatabaseUnavailable)}
    assert documented == {
        **{error.code: answer.status for error, answer in ANSWERS.items()},
        **{error.code: 503 for error in unavailable if issubclass(error, DatabaseUnavailable)},
        **OTHER_CODES,
    }


def test_the_contract_has_every_code_that_is_answered_before_a_resolver_is_asked() -> None:
    before = [*(ROOT / "app" / "http").glob("*.py"), *(ROOT / "rest_compat").glob("*.py")]
    answered = {code for source in before for code in re.findall(r'"((?:[A-Z]+_)+[A-Z]+)"', source.read_text())}

    assert answered - {code.strip("`") for code in rows(CONTRACT, "Errors")} == set()
    assert answered >= {"REPEATED_HEADER", "INVALID_REQUEST"}


def codes_of(heading: str) -> list[str]:
    """Return the codes of a table of docs/errors.md, in order."""
    return sorted(code for cell in rows(ERRORS, heading) for code in re.findall(r"`([A-Z_]+)`", cell))


def test_a_page_is_told_what_to_offer_for_every_code() -> None:
    refusals = sorted(code.strip("`") for code in rows(CONTRACT, "Errors"))
    sources = [path.read_text() for path in (ROOT / "graphql_server").rglob("*.py")]
    raised = {code for source in sources for code in re.findall(r'"((?:[A-Z]+_)+[A-Z]+)"', source)}

    assert codes_of("Refusals") == refusals
    assert codes_of("Failed jobs") == sorted(FAILURE_CODES)
    assert codes_of("Documents") == sorted(raised - set(refusals))


def test_the_contract_spells_the_sentences_of_errors() -> None:
    documented = rows(CONTRACT, "Errors")

    assert {type(error) for error in EXAMPLES} == ANSWERS.keys() - {InvalidInput}
    assert [error.message for error in EXAMPLES if f"`{error.message}`" not in documented[f"`{error.code}`"][2]] == []


def test_the_models_are_those_that_are_accepted() -> None:
    documented = {tuple(cell.strip("`") for cell in row) for row in rows(VEO, "Models").values()}

    assert documented == {(model.id, model.upstream_id, str(model.most_reference_images)) for model in MODELS}


def test_every_failure_of_a_job_is_documented() -> None:
    sources = [path.read_text() for folder in ("providers", "worker") for path in (ROOT / folder).rglob("*.py")]
    raising = re.compile(r'(?:GenerationFailed|GenerationInterrupted|GeneratorMisconfigured|\.fail)\(\s*"([A-Z_]+)"')
    raised = {code for source in sources for code in raising.findall(source)}

    # No operation of Google's: the mock generator was given a name that it has not made.
    assert raised - set(quoted(VEO + CLOUDINARY)) == {"OPERATION_NOT_FOUND"}


def test_every_chapter_that_the_code_cites_is_there() -> None:
    sources = [path.read_text() for path in ROOT.glob("[!.]*/**/*.py")]
    cited = re.compile(r"(?<![\w-])(contract|veo|cloudinary)\.md`?, '([^']+)'")
    citations = {citation for source in sources for citation in cited.findall(source)}

    headings = {
        (path.stem, heading)
        for path in (ROOT / "docs").glob("*.md")
        for heading in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    }
    assert ("contract", "The job") in citations
    assert citations - headings == set()


def test_every_link_leads_somewhere() -> None:
    broken = []
    for document in documents():
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = document.parent / path if path else document
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{document.relative_to(ROOT)}: {target}")

    assert broken == []


def test_every_path_and_target_that_these_documents_name_exists() -> None:
    texts = [CONTRACT, VEO, CLOUDINARY, *((ROOT / name).read_text() for name in ("CONTRIBUTING.md", "CHANGELOG.md"))]
    text = "\n".join(texts)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {name for name in re.findall(r"`([a-z_]+/[\w./]+\.\w+)`", text) if not (ROOT / name).exists()} == set()
    assert set(re.findall(r"`make ([a-z]+)\b", text)) <= targets
