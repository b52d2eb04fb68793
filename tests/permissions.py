"""Who may do what: a rule for every operation of both APIs, and the request that each rule is tried with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tests.house import FORM

PROMPT = "What only the owner knows"
TITLE = "What only viewers of the look know"


class Outcome(StrEnum):
    """What comes of a request. The upper half is a success, the lower half the stable code of a refusal."""

    ALLOWED = "done; a read shows the owner's job or look, a write has changed it"
    OWN = "done with what is the caller's own; the owner's is neither shown nor touched"
    EMPTY = "an empty list"

    NO_JOB = "VIDEO_JOB_NOT_FOUND"
    NO_LOOK = "LOOK_NOT_FOUND"
    INVALID_LOOK = "INVALID_LOOK"
    ADMIN_REQUIRED = "ADMIN_REQUIRED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    NOT_ACTIVE = "ACCOUNT_NOT_ACTIVE"
    CLOSED = "the websocket is closed with 4403"


ALLOWED, OWN, EMPTY = Outcome.ALLOWED, Outcome.OWN, Outcome.EMPTY
NO_JOB, NO_LOOK, INVALID_LOOK = Outcome.NO_JOB, Outcome.NO_LOOK, Outcome.INVALID_LOOK
ADMIN_REQUIRED, UNKNOWN, NOT_ACTIVE = Outcome.ADMIN_REQUIRED, Outcome.UNAUTHENTICATED, Outcome.NOT_ACTIVE
CLOSED = Outcome.CLOSED


class Rule(NamedTuple):
    """An outcome for each kind of caller. The suspended one is the owner, with a token that says so."""

    owner: Outcome
    other: Outcome
    shared_with: Outcome
    anonymous: Outcome
    suspended: Outcome
    admin: Outcome


# Callers in each row: owner, other, shared with, anonymous, suspended, admin.
# What concerns nobody else.
EVERYBODYS_OWN = Rule(OWN, OWN, OWN, UNKNOWN, NOT_ACTIVE, OWN)
OWNERS_LIST = Rule(ALLOWED, EMPTY, EMPTY, UNKNOWN, NOT_ACTIVE, EMPTY)
LIST_OF_SHARED = Rule(EMPTY, EMPTY, ALLOWED, UNKNOWN, NOT_ACTIVE, EMPTY)
# Jobs are their owner's and the admins'; to all others they do not exist.
JOB = Rule(ALLOWED, NO_JOB, NO_JOB, UNKNOWN, NOT_ACTIVE, ALLOWED)
JOBS_BY_ID = Rule(ALLOWED, EMPTY, EMPTY, UNKNOWN, NOT_ACTIVE, ALLOWED)
JOB_FOLLOWED = Rule(ALLOWED, NO_JOB, NO_JOB, CLOSED, CLOSED, ALLOWED)
OWNERS_JOBS_FOLLOWED = Rule(ALLOWED, EMPTY, EMPTY, CLOSED, CLOSED, EMPTY)
# Nothing has been deleted.
DELETIONS_FOLLOWED = Rule(EMPTY, EMPTY, EMPTY, CLOSED, CLOSED, EMPTY)
LOOK_FOLLOWED = Rule(ALLOWED, NO_LOOK, ALLOWED, CLOSED, CLOSED, ALLOWED)
EVERYBODYS_JOBS_FOLLOWED = Rule(ADMIN_REQUIRED, ADMIN_REQUIRED, ADMIN_REQUIRED, CLOSED, CLOSED, ALLOWED)
# Looks are read as their visibility says, and changed by their owner and the admins.
SHARED_LOOK = Rule(ALLOWED, NO_LOOK, ALLOWED, UNKNOWN, NOT_ACTIVE, ALLOWED)
SHARED_LOOKS_BY_ID = Rule(ALLOWED, EMPTY, ALLOWED, UNKNOWN, NOT_ACTIVE, ALLOWED)
PRIVATE_LOOK = Rule(ALLOWED, NO_LOOK, NO_LOOK, UNKNOWN, NOT_ACTIVE, ALLOWED)
PUBLIC = Rule(ALLOWED, ALLOWED, ALLOWED, UNKNOWN, NOT_ACTIVE, ALLOWED)
LOOK_CHANGED = PRIVATE_LOOK
# A job is created in one's own look only, whoever one is.
JOB_IN_LOOK = Rule(ALLOWED, INVALID_LOOK, INVALID_LOOK, UNKNOWN, NOT_ACTIVE, INVALID_LOOK)
QUOTE_IN_LOOK = Rule(OWN, INVALID_LOOK, INVALID_LOOK, UNKNOWN, NOT_ACTIVE, INVALID_LOOK)
RETRY_IN_LOOK = Rule(ALLOWED, NO_JOB, NO_JOB, UNKNOWN, NOT_ACTIVE, INVALID_LOOK)
# A look shows its owner's videos only, whoever links them.
OWN_JOB_LINKED = Rule(ALLOWED, NO_LOOK, NO_LOOK, UNKNOWN, NOT_ACTIVE, NO_LOOK)
LINKED_TO_OWN_LOOK = Rule(ALLOWED, NO_JOB, NO_JOB, UNKNOWN, NOT_ACTIVE, NO_LOOK)
# Some things are for admins.
ADMINS = Rule(ADMIN_REQUIRED, ADMIN_REQUIRED, ADMIN_REQUIRED, UNKNOWN, NOT_ACTIVE, ALLOWED)
# Others know nothing of an account, an admin all of it.
ACCOUNT_READ = ADMINS
# For everybody, also without a token, and with one that is not good.
OPEN = Rule(OWN, OWN, OWN, OWN, OWN, OWN)
ADMINS_OWN = Rule(ADMIN_REQUIRED, ADMIN_REQUIRED, ADMIN_REQUIRED, UNKNOWN, NOT_ACTIVE, OWN)


@dataclass(frozen=True)
class Case:
    """A rule, and the rest of the request: what follows a field in GraphQL, query and body over REST.

    `$job` and `$look` are the owner's, a video job in a look that is shared; `$own_job` and `$own_look` are the
    caller's. `sql` is run before.
    """

    rule: Rule
    ask: str = ""
    form: dict[str, str] | None = None
    json: dict[str, Any] | None = None
    sql: str | None = None
    job_in_path: str = "$job"

    @property
    def asked(self) -> str:
        return f"{self.ask} {self.job_in_path}"

    def expected(self, who: str) -> Outcome:
        outcome: Outcome = getattr(self.rule, who)
        return outcome


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
MAKE_PRIVATE = "UPDATE looks SET visibility = 'private'"
MAKE_PUBLIC = "UPDATE looks SET visibility = 'public'"
MAKE_DEFAULT = "UPDATE look_videos SET is_default = true"
TAKE_OUT = "DELETE FROM look_videos"
PUT_OWN_IN = "INSERT INTO look_videos (look_id, video_job_id) VALUES ('$look', '$own_job')"
STORE = """UPDATE video_jobs SET status = 'SUCCEEDED', progress_percentage = 100, completed_at = now(),
           cloudinary_url = '/media/$job.mp4'"""

FAIL = """UPDATE video_jobs SET status = 'FAILED', completed_at = now(), error_message = 'No', error_code = 'FAULT'"""
PUT_ON_RECORD = """INSERT INTO audit_log (id, action, actor, actor_id, user_id)
                   VALUES ('$job', 'SET_TIER', 'ADMIN', '$look', '$owner')"""

OWNERS_JOBS = '(input: {filter: {userId: "$owner"}})'
ERRORS = "errors { ... on UserError { code } }"
THE_JOB = '(input: {id: "$job"})'
THE_LOOK = '(input: {id: "$look"})'
JOB_AND_LOOK = f'(input: {{videoJobId: "$job", lookId: "$look"}}) {{ look {{ id }} {ERRORS} }}'
OWN_JOB_AND_LOOK = JOB_AND_LOOK.replace("$job", "$own_job")
JOB_AND_OWN_LOOK = JOB_AND_LOOK.replace("$look", "$own_look")
NEW_JOB = '(input: {prompt: "Rain", model: "veo-3.1-generate-preview", resolution: "720p", aspectRatio: "16:9", '
NEW_LOOK = f"""(input: {{title: "Rain", generatedImageBase64: "{PNG}",
                         products: [{{name: "Coat", thumbnailBase64: "{PNG}"}}]}})"""
VIDEOS = "videos { id videoJob { prompt logs { message } charge { amount } } }"
LOOKS = f"{{ totalCount nodes {{ id title notes owner {{ email name }} sharedWith {{ email }} {VIDEOS} }} }}"
LOOK = f"{{ id title notes owner {{ email name }} viewerCanEdit sharedWith {{ email }} {VIDEOS} }}"
CREATED = f"{{ videoJob {{ id }} {ERRORS} }}"
CHANGED_LOOK = f"{{ look {{ id }} {ERRORS} }}"
ACCOUNT = "id balance tier total consumed transactions { nodes { videoJobId actorEmail reference } }"
JOB_FIELDS = "{ id userId prompt logs { message } charge { amount } associatedLooks { id title } }"

GRAPHQL = {
    "Query.viewer": Case(EVERYBODYS_OWN, f"{{ id email tokens {{ {ACCOUNT} }} }}"),
    "Query.videoJob": Case(JOB, f'(id: "$job") {JOB_FIELDS}'),
    "Query.node": Case(JOB, f'(id: "$job") {{ id ... on VideoJob {JOB_FIELDS} }}'),
    "Query.node, a look": Case(SHARED_LOOK, f'(id: "$look") {{ id ... on Look {LOOK} }}'),
    "Query.node, a look made private": Case(PRIVATE_LOOK, f'(id: "$look") {{ ... on Look {LOOK} }}', sql=MAKE_PRIVATE),
    "Query.node, a look made public": Case(PUBLIC, f'(id: "$look") {{ ... on Look {LOOK} }}', sql=MAKE_PUBLIC),
    "Query.nodes": Case(JOBS_BY_ID, f'(ids: ["$job", "rubbish"]) {{ id ... on VideoJob {JOB_FIELDS} }}'),
    "Query.nodes, looks": Case(SHARED_LOOKS_BY_ID, f'(ids: ["rubbish", "$look"]) {{ id ... on Look {LOOK} }}'),
    "Query.videoJobs": Case(OWNERS_LIST, f"{{ nodes {JOB_FIELDS} }}"),
    "Query.policy": Case(EVERYBODYS_OWN, "{ welcome operations { operation cost } tiers { tier share } refunds }"),
    "Query.tokenAccount": Case(ACCOUNT_READ, f'(userId: "$owner") {{ userId {ACCOUNT} }}'),
    "Query.tokenAccount, by e-mail": Case(ACCOUNT_READ, f'(email: "$owner@example.com") {{ userId {ACCOUNT} }}'),
    "Query.generationCosts": Case(ADMINS._replace(admin=EMPTY), "(by: USER) { group videos estimate }"),
    "Query.adminVideoJobs": Case(ADMINS, f"{{ totalCount nodes {JOB_FIELDS} }}"),
    "Query.adminVideoJobs, of a user": Case(ADMINS, f'(filter: {{userId: "$owner"}}) {{ nodes {JOB_FIELDS} }}'),
    "Query.adminUsers": Case(ADMINS, f'(search: "$owner") {{ nodes {{ userId email tokens {{ {ACCOUNT} }} }} }}'),
    "Query.adminQueue": Case(ADMINS_OWN, "{ waiting running providers { provider } workers { id } pauses { reason } }"),
    "Query.adminSpending": Case(ADMINS_OWN, "(days: 2) { ceiling days { day tokens } }"),
    "Query.adminAuditLog": Case(
        ADMINS, '(userId: "$owner") { nodes { action user { userId email } } }', sql=PUT_ON_RECORD
    ),
    "Query.videoModels": Case(EVERYBODYS_OWN, "{ id upstreamId cost }"),
    "Query.videoJobQuote": Case(EVERYBODYS_OWN, f"{NEW_JOB} mockMode: true}}) {{ cost balance freeSlots {ERRORS} }}"),
    "Query.videoJobQuote, in the look": Case(
        QUOTE_IN_LOOK, f'{NEW_JOB} mockMode: true, lookId: "$look"}}) {{ cost balance {ERRORS} }}'
    ),
    "Query.look": Case(SHARED_LOOK, f'(id: "$look") {LOOK}'),
    "Query.look, made private": Case(PRIVATE_LOOK, f'(id: "$look") {LOOK}', sql=MAKE_PRIVATE),
    "Query.look, made public": Case(PUBLIC, f'(id: "$look") {LOOK}', sql=MAKE_PUBLIC),
    "Query.looks": Case(OWNERS_LIST, LOOKS),
    "Query.looks, shared with me": Case(LIST_OF_SHARED, f"(view: SHARED_WITH_ME) {LOOKS}"),
    "Query.looks, public ones": Case(PUBLIC, f"(view: PUBLIC) {LOOKS}", sql=MAKE_PUBLIC),
    "Query.looks, everybody's": Case(ADMINS, f"(view: ALL) {LOOKS}"),
    "Query.looks, found by a search": Case(OWNERS_LIST, f'(search: "a") {LOOKS}'),
    "Mutation.createVideoJob": Case(EVERYBODYS_OWN, f"{NEW_JOB} mockMode: true}}) {CREATED}"),
    "Mutation.createVideoJob, in the look": Case(
        JOB_IN_LOOK, f'{NEW_JOB} mockMode: true, lookId: "$look"}}) {CREATED}'
    ),
    "Mutation.retryVideoJob": Case(RETRY_IN_LOOK, f"{THE_JOB} {CREATED}"),
    "Mutation.cancelVideoJob": Case(JOB, f"{THE_JOB} {CREATED}"),
    "Mutation.deleteVideoJob": Case(JOB, f"{THE_JOB} {{ deletedVideoJobId {ERRORS} }}"),
    "Mutation.setDefaultVideo": Case(JOB, JOB_AND_LOOK),
    "Mutation.setDefaultVideo, of one's own": Case(LOOK_CHANGED, OWN_JOB_AND_LOOK, sql=PUT_OWN_IN),
    "Mutation.unsetDefaultVideo": Case(JOB, JOB_AND_LOOK, sql=MAKE_DEFAULT),
    "Mutation.linkVideoToLook": Case(JOB, JOB_AND_LOOK, sql=TAKE_OUT),
    "Mutation.linkVideoToLook, of one's own": Case(OWN_JOB_LINKED, OWN_JOB_AND_LOOK),
    "Mutation.linkVideoToLook, to one's own": Case(LINKED_TO_OWN_LOOK, JOB_AND_OWN_LOOK),
    "Mutation.unlinkVideoFromLook": Case(JOB, JOB_AND_LOOK),
    "Mutation.unlinkVideoFromLook, of one's own": Case(LOOK_CHANGED, OWN_JOB_AND_LOOK, sql=PUT_OWN_IN),
    "Mutation.createLook": Case(EVERYBODYS_OWN, f"{NEW_LOOK} {CHANGED_LOOK}"),
    "Mutation.updateLook": Case(LOOK_CHANGED, f'(input: {{id: "$look", title: "Taken"}}) {CHANGED_LOOK}'),
    "Mutation.setLookVisibility": Case(LOOK_CHANGED, f'(input: {{id: "$look", visibility: PUBLIC}}) {CHANGED_LOOK}'),
    "Mutation.deleteLook": Case(LOOK_CHANGED, f"{THE_LOOK} {{ deletedLookId {ERRORS} }}"),
    "Mutation.consumeTokens": Case(
        EVERYBODYS_OWN, f'(input: {{operation: "text_to_text"}}) {{ tokens {{ {ACCOUNT} }} {ERRORS} }}'
    ),
    "Mutation.grantTokens": Case(ADMINS, f'(input: {{userId: "$owner", tokens: 7}}) {{ balance {ERRORS} }}'),
    "Mutation.grantTokens, by e-mail": Case(
        ADMINS, f'(input: {{email: "$owner@example.com", tokens: 7}}) {{ balance {ERRORS} }}'
    ),
    "Mutation.adjustTokens": Case(ADMINS, f'(input: {{userId: "$owner", tokens: -7}}) {{ balance {ERRORS} }}'),
    "Mutation.setTier": Case(ADMINS, f'(input: {{userId: "$owner", tier: "pro"}}) {{ balance {ERRORS} }}'),
    "Mutation.resetPeriod": Case(ADMINS, f'(input: {{userId: "$owner"}}) {{ balance {ERRORS} }}'),
    "Mutation.setAccountStatus": Case(
        ADMINS, f'(input: {{userId: "$owner", status: SUSPENDED}}) {{ status {ERRORS} }}'
    ),
    "Mutation.pauseCreations": Case(ADMINS_OWN, f'(input: {{reason: "Moving"}}) {{ pauses {{ scope }} {ERRORS} }}'),
    "Mutation.resumeCreations": Case(ADMINS_OWN, f"(input: {{}}) {{ pauses {{ scope }} {ERRORS} }}"),
    "Mutation.adminCancelVideoJobs": Case(ADMINS, f"{OWNERS_JOBS} {{ changed {ERRORS} }}"),
    "Mutation.adminRetryVideoJobs": Case(ADMINS, f"{OWNERS_JOBS} {{ changed {ERRORS} }}", sql=FAIL),
    "Subscription.videoJob": Case(JOB_FOLLOWED, f'(id: "$job") {JOB_FIELDS}'),
    "Subscription.videoJobLogs": Case(JOB_FOLLOWED, '(id: "$job") { message }'),
    "Subscription.videoJobDeletions": Case(DELETIONS_FOLLOWED, "{ videoJobId }"),
    "Subscription.look": Case(LOOK_FOLLOWED, f'(id: "$look") {LOOK}'),
    "Subscription.adminVideoJobs": Case(EVERYBODYS_JOBS_FOLLOWED, JOB_FIELDS),
    "Subscription.videoJobs": Case(OWNERS_JOBS_FOLLOWED, JOB_FIELDS),
}

JOBS = "/api/v1/video-jobs"
ONE_JOB = f"{JOBS}/{{video_job_id}}"
ONE_LOOK = "/api/v1/looks/{look_id}"
ACCOUNT_PATH = "/api/v1/admin/users/{user_id}/subscription"
NEW_LOOK_BODY = {
    "title": "Rain",
    "generatedImageBase64": PNG,
    "products": [{"name": "Coat", "thumbnailBase64": PNG}],
}

REST = {
    f"POST {JOBS}": Case(EVERYBODYS_OWN, form=FORM),
    f"POST {JOBS}, in the look": Case(JOB_IN_LOOK, form=FORM | {"lookId": "$look"}),
    f"POST {JOBS}, in the look by its query": Case(JOB_IN_LOOK, "?look_id=$look", form=FORM),
    f"GET {JOBS}": Case(OWNERS_LIST),
    f"GET {ONE_JOB}": Case(JOB),
    # Ended, so that its events are, too.
    f"GET {ONE_JOB}/events": Case(JOB, sql=STORE),
    f"DELETE {ONE_JOB}": Case(JOB),
    f"GET {ONE_JOB}/download": Case(JOB, sql=STORE),
    f"POST {ONE_JOB}/cancel": Case(JOB),
    f"POST {ONE_JOB}/retry": Case(RETRY_IN_LOOK),
    f"PATCH {ONE_JOB}/set-default-for-look/{{look_id}}": Case(JOB),
    f"PATCH {ONE_JOB}/set-default-for-look/{{look_id}}, of one's own": Case(
        LOOK_CHANGED, sql=PUT_OWN_IN, job_in_path="$own_job"
    ),
    f"PATCH {ONE_JOB}/unset-default-for-look/{{look_id}}": Case(JOB, sql=MAKE_DEFAULT),
    "POST /api/v1/looks": Case(EVERYBODYS_OWN, json=NEW_LOOK_BODY),
    "GET /api/v1/looks": Case(OWNERS_LIST),
    "GET /api/v1/looks, shared with me": Case(LIST_OF_SHARED, "?view_type=shared_with_me"),
    "GET /api/v1/looks, public ones": Case(PUBLIC, "?view_type=public", sql=MAKE_PUBLIC),
    "GET /api/v1/looks, everybody's": Case(ADMINS, "?all=true"),
    "GET /api/v1/looks, found by a search": Case(OWNERS_LIST, "?search=a"),
    f"GET {ONE_LOOK}": Case(SHARED_LOOK),
    f"GET {ONE_LOOK}, made private": Case(PRIVATE_LOOK, sql=MAKE_PRIVATE),
    f"GET {ONE_LOOK}, made public": Case(PUBLIC, sql=MAKE_PUBLIC),
    f"PATCH {ONE_LOOK}": Case(LOOK_CHANGED, json={"title": "Taken"}),
    f"PATCH {ONE_LOOK}/visibility": Case(LOOK_CHANGED, json={"visibility": "public"}),
    f"DELETE {ONE_LOOK}": Case(LOOK_CHANGED),
    "GET /api/v1/subscription/info": Case(EVERYBODYS_OWN),
    "GET /api/v1/video-models": Case(EVERYBODYS_OWN),
    "GET /api/v1/subscription/costs": Case(OPEN),
    "GET /api/v1/subscription/tiers": Case(OPEN),
    "POST /api/v1/subscription/consume": Case(EVERYBODYS_OWN, json={"operation": "text_to_text"}),
    f"GET {ACCOUNT_PATH}": Case(ACCOUNT_READ),
    f"PUT {ACCOUNT_PATH}/tier": Case(ADMINS, json={"tier": "pro"}),
    f"POST {ACCOUNT_PATH}/topup": Case(ADMINS, json={"amount": -7}),
    f"POST {ACCOUNT_PATH}/reset-period": Case(ADMINS),
    "GET /api/v1/subscription/history": Case(EVERYBODYS_OWN),
    # The table of the one-time migration is there already in the tests, so that the call changes nothing.
    "POST /api/v1/migrate/look-videos": Case(ADMINS_OWN),
}

TABLE = GRAPHQL | REST
