"""The table of failures: what Google and Cloudinary do, and what becomes of a job."""

from tests.doubles.answers import Answer, done, error, failed, filtered, quota_exceeded
from tests.doubles.cloudinary import Refusal
from tests.worker.failures import Row, both, fault, faulty, gives, polls, sets, stores, submits
from tests.worker.messages import (
    EMPTY,
    INVALID,
    LOST,
    MISCONFIGURED,
    NOT_STORED,
    TIMED_OUT,
    UNAVAILABLE,
    UNCERTAIN,
    UNREADABLE,
)

MODEL = "veo-3.1-generate-001"
HALF_AN_ANSWER = b'{"name": "projects/'
SECONDS = 0.4
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}

REFUSED_SUBMITS = [
    Row(
        "400",
        submits(error(400, "The prompt names a person.", reason="INVALID_ARGUMENT")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: The prompt names a person.",
        accepted=0,
    ),
    *(
        Row(symptom, submits(answer), "GENERATOR_MISCONFIGURED", MISCONFIGURED, accepted=0, refunded=True)
        for symptom, answer in (
            ("401", error(401, "No.")),
            ("403", error(403, "Not yours.")),
            ("400 for a key", error(400, "API key not valid.", reason="INVALID_ARGUMENT", details=[BAD_KEY])),
        )
    ),
    Row(
        "404",
        submits(error(404, "Publisher model was not found.")),
        "MODEL_NOT_AVAILABLE",
        f"The model {MODEL} is not available at the generator. Choose another model.",
        accepted=0,
    ),
    Row("429", submits(quota_exceeded()), None, None, submits=2, log="429 RESOURCE_EXHAUSTED: Quota exceeded"),
    Row("429, for long", submits(*[quota_exceeded()] * 4), None, None, submits=5, log="did not accept the video yet"),
    *(
        Row(
            f"{status} twice",
            submits(*[error(status, "Try later", reason="TROUBLE")] * 2),
            None,
            None,
            submits=3,
            log=f"The generator did not accept the video yet: {status} TROUBLE: Try later",
        )
        for status in (500, 502, 503)
    ),
    *(
        Row(
            f"{status} for ever",
            submits(*[error(status, "Try later")] * 9),
            "GENERATOR_UNAVAILABLE",
            UNAVAILABLE,
            submits=4,
            accepted=0,
            log=f"{status} ",
        )
        for status in (500, 503)
    ),
    Row("502 from a proxy", submits(Answer(b"<html>Bad Gateway</html>", 502)), None, None, submits=2, log="502 "),
]
UNCERTAIN_SUBMITS = [
    Row(f"submit {symptom}", submits(answer), "SUBMISSION_UNCERTAIN", UNCERTAIN, accepted=accepted)
    for symptom, answer, accepted in (
        ("dropped", Answer(trouble="drop"), 0),
        ("dropped after it was accepted", Answer(trouble="drop", accepts=True), 1),
        ("dropped in the answer", Answer(trouble="drop mid-body"), 1),
        ("answered with half an answer", Answer(HALF_AN_ANSWER, accepts=True), 1),
        ("answered with HTML", Answer(b"<html>", accepts=True), 1),
        ("answered with nothing", Answer(b"", accepts=True), 1),
        ("answered without a name", Answer({}, accepts=True), 1),
        ("answered with an empty name", Answer({"name": ""}, accepts=True), 1),
        *((f"answered with {status}", error(status, "Took too long"), 0) for status in (408, 499, 504, 524)),
    )
] + [
    Row(
        "submit timed out",
        submits(Answer(trouble="hang", accepts=True)),
        "SUBMISSION_UNCERTAIN",
        UNCERTAIN,
        timeout_seconds=SECONDS,
    )
]
POLLS = [
    *(
        Row(f"poll {symptom}", polls(*[answer] * 3), None, None)
        for symptom, answer in (
            ("500", error(500, "Internal error")),
            ("503", error(503, "Unavailable")),
            ("429", quota_exceeded()),
            ("429 with a delay", quota_exceeded("0.1s")),
            ("401", error(401, "Token expired")),
            ("dropped", Answer(trouble="drop")),
            ("dropped in the result", Answer(trouble="drop mid-body")),
            ("half an answer", Answer(HALF_AN_ANSWER)),
            ("HTML", Answer(b"<html>")),
            ("nothing", Answer(b"")),
            ("no operation", Answer({})),
        )
    ),
    Row("poll timed out", polls(Answer(trouble="hang")), None, None, timeout_seconds=SECONDS),
    *(
        Row(f"poll {symptom} for ever", polls(*[answer] * 999), "RESULT_UNREADABLE", UNREADABLE)
        for symptom, answer in (
            ("half an answer", Answer(HALF_AN_ANSWER)),
            ("HTML", Answer(b"<html>")),
            ("a list", Answer(b"[1, 2]")),
            ("no operation", Answer({})),
            ("a response that is text", done(response="soon")),
            ("videos that are text", done(response={"videos": "here"})),
            ("no base64", done(response={"videos": [{"bytesBase64Encoded": "!"}]})),
            ("a bucket that is none", done(response={"videos": [{"gcsUri": "https://elsewhere.example/a.mp4"}]})),
        )
    ),
    *(
        Row(f"poll {status} once", polls(error(status, "Try later")), None, None)
        for status in (402, 405, 409, 412, 423, 425, 429, 499)
    ),
    Row("poll 400 for a key", polls(error(400, "API key expired.", details=[BAD_KEY])), None, None),
    Row("poll 410", polls(error(410, "Gone")), "RESULT_LOST", LOST),
    Row("poll 404", polls(error(404, "Operation not found")), "RESULT_LOST", LOST),
    Row(
        "poll 400",
        polls(error(400, "Malformed")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: Malformed",
    ),
    Row(
        "never done",
        sets(seconds_until_done=3600),
        "GENERATION_TIMED_OUT",
        TIMED_OUT,
        retry_policy={"generation_seconds": SECONDS},
    ),
    Row(
        "never answered",
        polls(*[error(503, "Unavailable")] * 999),
        "GENERATION_TIMED_OUT",
        TIMED_OUT,
        retry_policy={"generation_seconds": SECONDS},
    ),
]
RESULTS = [
    Row(
        "done with error 3",
        polls(failed(3, "The image shows a child.")),
        "REJECTED_BY_GENERATOR",
        "The generator refused this request: The image shows a child.",
    ),
    Row(
        "done with error 7",
        polls(failed(7, "Not yours.")),
        "GENERATION_FAILED",
        "The generator could not make this video: Not yours.",
    ),
    Row(
        "done with an error that is text",
        polls(done(error="Out of film.")),
        "GENERATION_FAILED",
        "The generator could not make this video: Out of film.",
    ),
    *(
        Row(
            f"done with error {code}, once",
            polls(fault(code)),
            None,
            None,
            submits=2,
            accepted=2,
            log=f"The generator gave up, trying once more: {faulty('Internal error')}",
        )
        for code in (8, 13, 14)
    ),
    *(
        Row(
            f"done with error {code}, twice",
            polls(fault(code), fault(code), fault(code)),
            "GENERATOR_FAULT",
            faulty("Internal error"),
            submits=2,
            accepted=2,
            log="The generator gave up, trying once more",
        )
        for code in (8, 13, 14)
    ),
    # The first submit of each script is the first generation's.
    Row(
        "error 13, then a second generation that is refused for a while",
        both(polls(fault(13)), submits(Answer(), quota_exceeded(), error(503, "Try later"))),
        None,
        None,
        submits=4,
        accepted=2,
        log="The generator did not accept the video yet: 503",
    ),
    Row(
        "error 13, then a second generation that is lost on its way",
        both(polls(fault(13)), submits(Answer(), Answer(trouble="drop", accepts=True))),
        "SUBMISSION_UNCERTAIN",
        UNCERTAIN,
        submits=2,
        accepted=2,
        log="trying once more",
    ),
    Row(
        "filtered",
        polls(filtered("It shows a celebrity.", "It has blood.")),
        "CONTENT_FILTERED",
        "The generator's safety filter held this video back: It shows a celebrity. It has blood. "
        "Change the prompt or the images.",
    ),
    Row(
        "filtered without a reason",
        polls(filtered()),
        "CONTENT_FILTERED",
        "The generator's safety filter held this video back: no reason given. Change the prompt or the images.",
    ),
    Row("neither response nor error", polls(done()), "EMPTY_RESULT", EMPTY),
    Row("an empty response", polls(done(response={})), "EMPTY_RESULT", EMPTY),
    Row("no videos", polls(done(response={"videos": []})), "EMPTY_RESULT", EMPTY),
    Row(
        "a video and a reason",
        sets(filter_reasons=["The sound was removed."]),
        None,
        None,
        log="Part of the result was filtered out: The sound was removed.",
    ),
    Row("HTML for a video", gives(lambda _: b"<html>Sign in</html>"), "INVALID_RESULT", INVALID),
    Row("a video cut off", gives(lambda video: video[:-1000]), "INVALID_RESULT", INVALID),
    Row("half a video", gives(lambda video: video[: len(video) // 2]), "INVALID_RESULT", INVALID),
]
STORES = [
    *(
        Row(f"a store met {symptom}", stores(*faults), None, None)
        for symptom, faults in (
            ("HTML", ["HTML"]),
            ("HTML twice", ["HTML"] * 2),
            ("a dropped connection", ["drop"]),
            ("a rate limit", [Refusal(420, "Rate Limit Exceeded")]),
            ("a refused key", [Refusal(401, "Invalid Signature")]),
        )
    ),
    *(
        Row(f"a store met {status}", stores(Refusal(status, "Not now")), None, None)
        for status in (400, 402, 404, 409, 423, 429)
    ),
    Row("an answer to a store was lost", stores("drop after"), None, None, uploads=2),
    Row(
        "stores failed for so long that the job waited", stores("HTML", times=4), None, None, log="could not be stored"
    ),
    Row(
        "a store was refused",
        stores(Refusal(400, "Unsupported video format")),
        "STORAGE_REFUSED",
        "The storage did not accept the video: Unsupported video format",
    ),
    Row(
        "stores fail for long",
        stores("HTML", times=6),  # one more would be kept
        "STORAGE_UNAVAILABLE",
        NOT_STORED,
        log="The video could not be stored yet, trying again",
        retry_policy={"most_store_faults": 2, "store_tries": 2},
    ),
]
TABLE = [*REFUSED_SUBMITS, *UNCERTAIN_SUBMITS, *POLLS, *RESULTS, *STORES]
