"""The same scenario over both wires: create a job, and tell what was answered in one vocabulary."""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from auth.caller import Caller
from tests.house import FORM, House, multipart

CREATE = """mutation ($input: CreateVideoJobInput!) { createVideoJob(input: $input) {
  videoJob { id userId prompt model resolution aspectRatio durationSeconds generateAudio mockMode status statusMessage
             errorMessage progressPercentage cloudinaryUrl tokensConsumed createdAt startedAt completedAt updatedAt
             logs { level message } associatedLooks { id title generatedImageUrl } }
  replayed
  errors { __typename ... on UserError { code message field } ... on InsufficientTokens { cost availableTokens }
           ... on ActiveJobLimit { limit activeVideoJobIds } } } }"""
READ = """query ($id: ID!) { videoJob(id: $id) { id status statusMessage progressPercentage cloudinaryUrl errorMessage
  logs { level message } associatedLooks { id title generatedImageUrl } } }"""


@dataclass(frozen=True)
class Answer:
    """A created job, or a refusal with its code and message."""

    job: dict[str, Any] | None = None
    replayed: bool = False
    code: str | None = None
    message: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Wire(Protocol):
    @property
    def house(self) -> House: ...

    async def create(self, caller: Caller | None, *, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        """Create a job with the usual fields, changed by `fields` in REST's spelling; None leaves one out."""
        ...

    async def read(self, caller: Caller, job_id: str) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class RestWire:
    house: House

    async def create(self, caller: Caller | None, *, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        sent = dict(headers or (self.house.headers(caller) if caller else {}))
        key = fields.pop("idempotencyKey", None)
        if key is not None:
            sent["Idempotency-Key"] = key
        answer = await self.house.http.post("/api/v1/video-jobs", files=multipart(FORM | fields), headers=sent)
        body = answer.json()
        if answer.status_code == 202:
            return Answer(body, answer.headers.get("Idempotent-Replayed") == "true")
        detail = body["detail"]
        if isinstance(detail, dict):
            return Answer(code=body["code"], message=detail.pop("message"), details=detail)
        return Answer(code=body["code"], message=detail)

    async def read(self, caller: Caller, job_id: str) -> dict[str, Any] | None:
        answer = await self.house.http.get(f"/api/v1/video-jobs/{job_id}", headers=self.house.headers(caller))
        return None if answer.status_code == 404 else answer.json()


@dataclass(frozen=True)
class GraphQLWire:
    house: House

    async def create(self, caller: Caller | None, *, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        values = {name: _typed(name, value) for name, value in (FORM | fields).items() if value is not None}
        sent = headers or (self.house.headers(caller) if caller else {})
        answer = await self.house.http.post(
            "/graphql", json={"query": CREATE, "variables": {"input": values}}, headers=sent
        )
        body = answer.json()
        if "errors" in body:
            error = body["errors"][0]
            return Answer(code=error["extensions"]["code"], message=error["message"])
        payload = body["data"]["createVideoJob"]
        if payload["errors"]:
            error = payload["errors"][0]
            details = {name: error[name] for name in ("cost", "availableTokens") if name in error}
            return Answer(code=error["code"], message=error["message"], details=details)
        return Answer(payload["videoJob"], payload["replayed"])

    async def read(self, caller: Caller, job_id: str) -> dict[str, Any] | None:
        body = await self.house.graphql(caller, READ, id=job_id)
        job: dict[str, Any] | None = body["data"]["videoJob"]
        return job


def _typed(name: str, value: Any) -> Any:
    """Spell a form's text as JSON: what is a number or a boolean there becomes one."""
    return json.loads(value) if name in {"mockMode", "generateAudio", "durationSeconds"} else value
