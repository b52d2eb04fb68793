"""What the playground opens with: an operation of each kind, ready to be run."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Tab:
    """A tab of GraphiQL, in its words."""

    query: str
    variables: str = ""


CREATE = """\
# Headers, below, want a token after "Bearer ", which
#   lookreel token --email you@example.com
# prints. One tab is enough: the others use it as well.
# Variables take a "lookId" too, to show the video there.
mutation Create($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) {
    videoJob { id status statusMessage tokensConsumed }
    errors { code message field }
  }
}
"""

QUOTE = """\
# What the video of the tab "Create" would cost, and
# every rule that it would break; nothing is charged.
query Quote($input: CreateVideoJobInput!) {
  videoJobQuote(input: $input) {
    cost
    rule
    balance
    freeSlots
    errors { code message field }
  }
}
"""

FOLLOW = """\
# Your videos in progress, and each change from now on.
# Let it run, and make one in the tab "Create".
subscription Follow {
  videoJobs {
    id
    version
    status
    progressPercentage
    statusMessage
    errorMessage
    videoUrl
  }
}
"""

LOOKS = """\
query Looks {
  looks(first: 10) {
    nodes {
      id
      title
      generatedImageUrl
      products { name designer price }
      videos { id status videoUrl isDefault }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

ME = """\
query Me {
  viewer {
    id
    email
    tokens { balance }
  }
}
"""

# With what has a default as well: GraphiQL underlines in red where such an input is left out.
NEW_VIDEO = {
    "prompt": "The model turns slowly",
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "16:9",
    "durationSeconds": 8,
    "generateAudio": False,
    "mockMode": True,
    "referenceImages": [],
}

TABS = (
    Tab(CREATE, json.dumps({"input": NEW_VIDEO}, indent=2)),
    Tab(QUOTE, json.dumps({"input": NEW_VIDEO}, indent=2)),
    Tab(FOLLOW),
    Tab(LOOKS),
    Tab(ME),
)
