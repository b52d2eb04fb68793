// Everything that the page asks for: each document can be run as it is.

const ERRORS = "errors { code message field }";
const MORE = "pageInfo { hasNextPage endCursor }";

const JOB = `
fragment Job on VideoJob {
  id version status statusMessage prompt model resolution aspectRatio durationSeconds generateAudio mockMode
  progressPercentage progressIsEstimated queuePosition estimatedWaitSeconds errorCode errorMessage tokensConsumed
  createdAt startedAt completedAt updatedAt videoUrl thumbnailUrl videoWidth videoHeight videoDurationSeconds
}`;

const ENTRY = `
fragment Entry on TokenTransaction {
  id kind amount uncharged balanceAfter operation description videoJobId createdAt
}`;

const ACCOUNT = `
fragment Account on TokenAccount {
  id userId balance tier isUnlimited consumed lifetimeConsumed periodEnd
}`;

/** Return a mutation of one field, whose input is of the type that is named. */
function mutation(field, input, wanted, fragment = "") {
  const name = field[0].toUpperCase() + field.slice(1);
  return `mutation ${name}($input: ${input}!) {
  ${field}(input: $input) { ${wanted} ${ERRORS} }
}${fragment}`;
}

export const VIEWER = `query Viewer {
  viewer { id email isAdmin tokens { id balance tier isUnlimited } }
}`;

export const LOOKS = `query Looks($view: LookView!, $search: String, $after: String) {
  looks(first: 24, view: $view, search: $search, after: $after) {
    nodes {
      id title visibility videoCount generatedImageUrl
      products { id name }
      videos { id isDefault videoUrl }
    }
    ${MORE}
  }
}`;

export const ONE_LOOK = `query Look($id: ID!) {
  look(id: $id) {
    id title notes visibility viewerCanEdit createdAt generatedImageUrl
    products { id name designer sku price productUrl thumbnailUrl }
    videos { id videoJobId status isDefault progressPercentage createdAt videoUrl thumbnailUrl videoJob { ...Job } }
  }
}${JOB}`;

export const MODELS = `query VideoModels {
  videoModels {
    id provider available cost aspectRatios endFrame mostReferenceImages imageDurationSeconds mixesImages
    resolutions { resolution durationSeconds }
  }
}`;

export const QUOTE = `query Quote($input: CreateVideoJobInput!) {
  videoJobQuote(input: $input) { cost rule balance freeSlots ${ERRORS} }
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
export const CREATE_JOB = mutation("createVideoJob", "CreateVideoJobInput", CREATED, JOB);
export const RETRY = mutation("retryVideoJob", "RetryVideoJobInput", CREATED, JOB);
export const CANCEL = mutation("cancelVideoJob", "VideoJobIdInput", "videoJob { ...Job }", JOB);
export const DELETE_JOB = mutation("deleteVideoJob", "VideoJobIdInput", "deletedVideoJobId");
export const SET_DEFAULT = mutation("setDefaultVideo", "LookVideoInput", "look { id }");
export const UNSET_DEFAULT = mutation("unsetDefaultVideo", "LookVideoInput", "look { id }");
export const CREATE_LOOK = mutation("createLook", "CreateLookInput", "look { id title }");
export const SET_VISIBILITY = mutation("setLookVisibility", "SetLookVisibilityInput", "look { id visibility }");
export const DELETE_LOOK = mutation("deleteLook", "LookIdInput", "deletedLookId");

export const LEDGER = `query Tokens($after: String) {
  viewer {
    tokens {
      ...Account
      transactions(first: 25, after: $after) { nodes { ...Entry } ${MORE} }
    }
  }
}${ACCOUNT}${ENTRY}`;

export const POLICY = `query Policy {
  policy {
    operations { operation cost }
    tiers { tier name share isUnlimited slots }
    videoPrices { rule cost model resolution durationSeconds generateAudio mockMode }
  }
}`;

export const FOLLOW_JOBS = `subscription FollowVideoJobs($since: DateTime) {
  videoJobs(updatedAfter: $since) { ...Job }
}${JOB}`;

export const FOLLOW_DELETIONS = `subscription FollowDeletions($since: DateTime) {
  videoJobDeletions(deletedAfter: $since) { videoJobId deletedAt }
}`;

export const FOLLOW_LOG = `subscription FollowLog($id: ID!, $after: String) {
  videoJobLogs(id: $id, after: $after) { id cursor timestamp level message }
}`;

// For admins.
const ADMIN_JOB = `
fragment AdminJob on VideoJob {
  id version status prompt progressPercentage errorCode createdAt user { email userId }
}`;

const COUNTED = `(first: 0, filter: { createdAfter: $since, provider: "`;
export const MONITOR = `query Monitor($since: DateTime!) {
  adminQueue {
    waiting running oldestWaitingSince workers { id } pauses { scope reason }
    providers { provider waiting running blockedUntil trouble }
  }
  recent: adminVideoJobs(first: 100, filter: { createdAfter: $since }) {
    countsByStatus { status count }
    failuresByCode { errorCode count }
    nodes { id createdAt startedAt completedAt }
  }
  veo: adminVideoJobs${COUNTED}veo" }) { countsByStatus { status count } }
  omni: adminVideoJobs${COUNTED}omni" }) { countsByStatus { status count } }
  mock: adminVideoJobs${COUNTED}mock" }) { countsByStatus { status count } }
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
    nodes { id userId email status role videoJobCount createdAt tokens { id balance tier isUnlimited } }
    ${MORE}
  }
}`;

export const ACCOUNT_OF = `query Account($userId: ID!) {
  tokenAccount(userId: $userId) {
    ...Account
    transactions(first: 10) { nodes { ...Entry } }
  }
}${ACCOUNT}${ENTRY}`;

export const AUDIT_LOG = `query AuditLog($after: String) {
  adminAuditLog(first: 50, after: $after) {
    nodes { id action actor actorEmail user { email } userId reason details createdAt }
    ${MORE}
  }
}`;

const MANY = "matched changed endCursor hasNextPage results { code }";
export const CANCEL_JOBS = mutation("adminCancelVideoJobs", "AdminVideoJobsInput", MANY);
export const RETRY_JOBS = mutation("adminRetryVideoJobs", "AdminVideoJobsInput", MANY);
export const PAUSE = mutation("pauseCreations", "PauseCreationsInput", "pauses { scope reason }");
export const RESUME = mutation("resumeCreations", "ResumeCreationsInput", "pauses { scope reason }");
export const GRANT = mutation("grantTokens", "GrantTokensInput", "balance replayed");
export const SET_STATUS = mutation("setAccountStatus", "SetAccountStatusInput", "status");
