// Everything that the page asks for: each document can be run as it is.

const JOB = `
fragment Job on VideoJob {
  id version status statusMessage prompt model resolution aspectRatio durationSeconds generateAudio mockMode
  progressPercentage progressIsEstimated queuePosition estimatedWaitSeconds errorCode errorMessage tokensConsumed
  createdAt startedAt completedAt updatedAt videoUrl thumbnailUrl videoWidth videoHeight videoDurationSeconds
}`;

const LOOK = `
fragment WholeLook on Look {
  id title notes visibility viewerCanEdit createdAt generatedImageUrl defaultThumbnailType
  products { id name designer sku price productUrl thumbnailUrl }
  videos { id videoJobId status isDefault progressPercentage createdAt videoUrl thumbnailUrl videoJob { ...Job } }
}`;

export const VIEWER = `query Viewer {
  viewer { id email isAdmin tokens { id balance tier isUnlimited } }
}`;

export const LOOKS = `query Looks($view: LookView!, $search: String, $after: String) {
  looks(first: 24, view: $view, search: $search, after: $after) {
    nodes {
      id title visibility videoCount generatedImageUrl defaultThumbnailType defaultThumbnailUrl
      products { id name }
      videos { id isDefault videoUrl }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const ONE_LOOK = `query Look($id: ID!) {
  look(id: $id) { ...WholeLook }
}${LOOK}${JOB}`;

export const MODELS = `query VideoModels {
  videoModels {
    id provider available cost aspectRatios endFrame mostReferenceImages imageDurationSeconds mixesImages
    resolutions { resolution durationSeconds }
  }
}`;

export const QUOTE = `query Quote($input: CreateVideoJobInput!) {
  videoJobQuote(input: $input) { cost rule balance freeSlots errors { code message field } }
}`;

export const JOBS = `query VideoJobs($status: VideoJobStatus, $after: String, $first: Int = 24) {
  videoJobs(first: $first, status: $status, after: $after) {
    nodes { ...Job }
    pageInfo { hasNextPage endCursor }
  }
}${JOB}`;

export const SOME_JOBS = `query SomeVideoJobs($ids: [ID!]!) {
  nodes(ids: $ids) { ... on VideoJob { ...Job } }
}${JOB}`;

export const ONE_JOB = `query VideoJob($id: ID!) {
  videoJob(id: $id) {
    ...Job
    logs { id cursor timestamp level message }
    charge { amount createdAt }
    refund { amount createdAt }
    associatedLooks { id title generatedImageUrl }
  }
}${JOB}`;

export const CREATE_JOB = `mutation CreateVideoJob($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) { videoJob { ...Job } replayed errors { code message field } }
}${JOB}`;

export const RETRY = `mutation RetryVideoJob($input: RetryVideoJobInput!) {
  retryVideoJob(input: $input) { videoJob { ...Job } replayed errors { code message field } }
}${JOB}`;

export const CANCEL = `mutation CancelVideoJob($input: VideoJobIdInput!) {
  cancelVideoJob(input: $input) { videoJob { ...Job } errors { code message field } }
}${JOB}`;

export const DELETE_JOB = `mutation DeleteVideoJob($input: VideoJobIdInput!) {
  deleteVideoJob(input: $input) { deletedVideoJobId errors { code message field } }
}`;

export const SET_DEFAULT = `mutation SetDefaultVideo($input: LookVideoInput!) {
  setDefaultVideo(input: $input) { look { id defaultThumbnailUrl } errors { code message field } }
}`;

export const UNSET_DEFAULT = `mutation UnsetDefaultVideo($input: LookVideoInput!) {
  unsetDefaultVideo(input: $input) { look { id defaultThumbnailUrl } errors { code message field } }
}`;

export const CREATE_LOOK = `mutation CreateLook($input: CreateLookInput!) {
  createLook(input: $input) { look { id title } errors { code message field } }
}`;

export const SET_VISIBILITY = `mutation SetLookVisibility($input: SetLookVisibilityInput!) {
  setLookVisibility(input: $input) { look { id visibility } errors { code message field } }
}`;

export const DELETE_LOOK = `mutation DeleteLook($input: LookIdInput!) {
  deleteLook(input: $input) { deletedLookId errors { code message field } }
}`;

export const LEDGER = `query Tokens($after: String) {
  viewer {
    tokens {
      id balance tier isUnlimited total consumed lifetimeConsumed periodStart periodEnd
      transactions(first: 25, after: $after) {
        nodes { id kind amount uncharged balanceAfter operation description actor videoJobId createdAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}`;

export const POLICY = `query Policy {
  policy {
    welcome
    operations { operation cost }
    tiers { tier name share isUnlimited slots periodDays renews }
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

const ACCOUNT = `
fragment Account on TokenAccount {
  id userId balance tier isUnlimited total consumed lifetimeConsumed periodStart periodEnd
  transactions(first: 10) { nodes { id kind amount uncharged balanceAfter operation description actor videoJobId createdAt } }
}`;

export const ACCOUNT_OF = `query Account($userId: ID, $email: String) {
  tokenAccount(userId: $userId, email: $email) { ...Account }
}${ACCOUNT}`;

export const GRANT = `mutation GrantTokens($input: GrantTokensInput!) {
  grantTokens(input: $input) { balance replayed errors { code message field } }
}`;

export const SET_TIER = `mutation SetTier($input: SetTierInput!) {
  setTier(input: $input) { balance errors { code message field } }
}`;

export const RESET_PERIOD = `mutation ResetPeriod($input: AccountInput!) {
  resetPeriod(input: $input) { balance errors { code message field } }
}`;

export const SET_STATUS = `mutation SetAccountStatus($input: SetAccountStatusInput!) {
  setAccountStatus(input: $input) { status errors { code message field } }
}`;
