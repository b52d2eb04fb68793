"""What owners read of jobs that failed."""

MISCONFIGURED = "Video generation is not set up correctly on our side. Please try again later."
UNAVAILABLE = "The video generator had an error of its own, repeatedly. Please try again later."
UNCERTAIN = (
    "The video may or may not have been requested before a fault. It was not requested again, "
    "since that could have been paid for twice. Please create a new video."
)
LOST = "The generator no longer has this video. Create a new video job."
UNREADABLE = "The generator's result could not be read. Please create a new video."
TIMED_OUT = "The video was not ready after 0 minutes and was given up. Please create a new one."
EMPTY = "The generator finished without a video. Create a new video job."
INVALID = "The generator returned something that is no video. Please create a new one."
NOT_STORED = "The video was made, but could not be stored. Please create a new one."
