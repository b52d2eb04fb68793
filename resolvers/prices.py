"""What operations cost, in tokens (seed: 'Token Consumption'; mock videos cost the same)."""

VIDEO_GENERATION = "video_generation"
COSTS = {VIDEO_GENERATION: 50}
VIDEO_COST = COSTS[VIDEO_GENERATION]
