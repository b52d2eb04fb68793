"""What the seed says of videos; what the policy says comes before it (`resolvers.policy`)."""

# The operation that this service itself charges, and what it costs where no rule of the policy is about it.
VIDEO_GENERATION = "video_generation"
VIDEO_COST = 50
# How many jobs one user may have in progress (seed, 'Concurrent Job Limit').
ACTIVE_JOB_LIMIT = 3
