// Everything that the page asks for: each document can be run as it is.

const ERRORS = "errors { code message field }";
const MORE = "pageInfo { hasNextPage endCursor }";

const JOB = `
fragment Job on VideoJob {
  id version status statusMessage prompt model resolution aspectRatio durationSeconds generateAudio mockMode
  progressPercentage progressIsEstimated queuePosition estimatedWaitSeconds errorCode errorMessage tokensConsumed
  createdAt completedAt updatedAt videoUrl thumbnailUrl videoWidth videoHeight videoDurationSeconds
}`;

const ACCOUNT = `
fragment Account on TokenAccount {
  balance tier isUnlimited consumed lifetimeConsumed periodEnd
  transactions(first: $first, after: $after) {
    nodes { kind amount uncharged balanceAfter operation description videoJobId createdAt }
    ${MORE}
  }
}`;

/** Return a mutation of one field; its input's type is named as it is, if no other one is named. */
function mutation(field, wanted, input) {
  const name = field[0].toUpperCase() + field.slice(1);
  return `mutation ${name}($input: ${input ?? `${name}Input`}!) {
  ${field}(input: $input) { ${wanted} ${ERRORS} }
}${wanted.includes("...Job") ? JOB : ""}`;
}

export const VIEWER = `query Viewer {
  viewer { id email isAdmin tokens { balance isUnlimited } }
}`;

export const LOOKS = `query Looks($view: LookView!, $search: String, $after: String) {
  looks(first: 24, view: $view, search: $search, after: $after) {
    nodes {
      id title visibility videoCount generatedImageUrl
      products { id }
      videos { isDefault videoUrl }
    }
    ${MORE}
  }
}`;

export const ONE_LOOK = `query Look($id: ID!) {
  look(id: $id) {
    id title notes visibility viewerCanEdit createdAt generatedImageUrl
    products { id name designer sku price productUrl thumbnailUrl }
    videos { id status isDefault progressPercentage videoUrl thumbnailUrl videoJob { ...Job } }
  }
}${JOB}`;

export const MODELS = `query VideoModels {
  videoModels {
    id provider available aspectRatios endFrame mostReferenceImages imageDurationSeconds mixesImages
    resolutions { resolution durationSeconds }
  }
}`;

export const QUOTE = `query Quote($input: CreateVideoJobInput!) {
  videoJobQuote(input: $input) { cost balance freeSlots ${ERRORS} }
}`;

export const JOBS = `query VideoJobs($status: [VideoJobStatus!], $ids: [ID!], $after: String, $first: Int = 24) {
  videoJobs(first: $first, status: $status, ids: $ids, after: $after) {
    nodes { ...Job }
    ${MORE}
  }
}${JOB}`;

export const ONE_JOB = `query VideoJob($id: ID!) {
  videoJob(id: $id) {
    ...Job
    logs { id cursor timestamp level message }
    refund { amount }
    associatedLooks { id title generatedImageUrl }
  }
}${JOB}`;

const CREATED = "videoJob { ...Job } replayed";
export const CREATE_JOB = mutation("createVideoJob", CREATED);
export const RETRY = mutation("retryVideoJob", CREATED);
export const CANCEL = mutation("cancelVideoJob", "videoJob { ...Job }", "VideoJobIdInput");
export const DELETE_JOB = mutation("deleteVideoJob", "deletedVideoJobId", "VideoJobIdInput");
export const SET_DEFAULT = mutation("setDefaultVideo", "look { id }", "LookVideoInput");
export const UNSET_DEFAULT = mutation("unsetDefaultVideo", "look { id }", "LookVideoInput");
export const CREATE_LOOK = mutation("createLook", "look { id }");
export const SET_VISIBILITY = mutation("setLookVisibility", "look { visibility }");
export const DELETE_LOOK = mutation("deleteLook", "deletedLookId", "LookIdInput");

export const LEDGER = `query Tokens($first: Int = 25, $after: String) {
  viewer { tokens { ...Account } }
}${ACCOUNT}`;

export const POLICY = `query Policy {
  policy {
    operations { operation cost }
    tiers { tier name share isUnlimited slots }
    videoPrices { cost model resolution durationSeconds generateAudio mockMode }
  }
}`;

export const FOLLOW_JOBS = `subscription FollowVideoJobs($since: DateTime) {
  videoJobs(updatedAfter: $since) { ...Job }
}${JOB}`;

export const FOLLOW_DELETIONS = `subscription FollowDeletions($since: DateTime) {
  videoJobDeletions(deletedAfter: $since) { videoJobId }
}`;

export const FOLLOW_LOG = `subscription FollowLog($id: ID!, $after: String) {
  videoJobLogs(id: $id, after: $after) { id cursor timestamp level message }
}`;

const ADMIN_JOB = `
fragment AdminJob on VideoJob {
  id version status prompt progressPercentage errorCode createdAt user { email userId }
}`;

const counted = (provider) =>
  `${provider}: adminVideoJobs(first: 0, filter: { createdAfter: $since, provider: "${provider}" }) { countsByStatus { status count } }`;
export const MONITOR = `query Monitor($since: DateTime!) {
  adminQueue {
    waiting running oldestWaitingSince workers { id } pauses { scope reason }
    providers { provider waiting running blockedUntil trouble }
  }
  recent: adminVideoJobs(first: 100, filter: { createdAfter: $since }) {
    countsByStatus { status count }
    failuresByCode { errorCode count }
    nodes { createdAt startedAt completedAt }
  }
  ${["veo", "omni", "mock"].map(counted).join("\n  ")}
  adminSpending { ceiling days { day tokens } }
}`;

export const ADMIN_JOBS = `query AdminVideoJobs($filter: AdminVideoJobFilter, $after: String) {
  adminVideoJobs(first: 50, filter: $filter, after: $after) {
    nodes { ...AdminJob }
    ${MORE}
  }
}${ADMIN_JOB}`;

export const FOLLOW_ADMIN_JOBS = `subscription FollowAdminVideoJobs {
  adminVideoJobs { ...AdminJob }
}${ADMIN_JOB}`;

export const ADMIN_USERS = `query AdminUsers($search: String, $after: String) {
  adminUsers(first: 25, search: $search, after: $after) {
    nodes { userId email status role videoJobCount createdAt tokens { balance tier isUnlimited } }
    ${MORE}
  }
}`;

export const ACCOUNT_OF = `query Account($userId: ID!, $first: Int = 10, $after: String) {
  tokenAccount(userId: $userId) { ...Account }
}${ACCOUNT}`;

export const AUDIT_LOG = `query AuditLog($after: String) {
  adminAuditLog(first: 50, after: $after) {
    nodes { action actor actorEmail user { email } userId reason details createdAt }
    ${MORE}
  }
}`;

const MANY = "matched changed endCursor hasNextPage results { code }";
export const CANCEL_JOBS = mutation("adminCancelVideoJobs", MANY, "AdminVideoJobsInput");
export const RETRY_JOBS = mutation("adminRetryVideoJobs", MANY, "AdminVideoJobsInput");
export const PAUSE = mutation("pauseCreations", "pauses { scope reason }");
export const RESUME = mutation("resumeCreations", "pauses { scope reason }");
export const GRANT = mutation("grantTokens", "balance replayed");
export const SET_STATUS = mutation("setAccountStatus", "status");
