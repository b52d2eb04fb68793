"""Whatever three users, an admin and the workers do at once, every token is accounted for."""

import asyncio

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.house import House
from tests.resolvers.stories import ACTIONS, Step, Story

USERS = 3
# Creations and starts come more often, or there would be little for the others to do.
OFTEN = ["create_over_rest", "create_over_graphql", "take"]


def steps(users: st.SearchStrategy[int], jobs: st.SearchStrategy[int]) -> st.SearchStrategy[list[Step]]:
    """Return what may happen at once among these users and their newest jobs."""
    actions = st.sampled_from(OFTEN + list(ACTIONS))
    keys = st.sampled_from([None, None, "a", "b"])
    step = st.builds(Step, action=actions, user=users, job=jobs, key=keys, in_look=st.booleans())
    return st.lists(step, min_size=4, max_size=10)


ANYBODY = st.integers(0, USERS - 1)
AT_MANY_JOBS = steps(ANYBODY, st.integers(0, 2))
AT_ONE_JOB = ANYBODY.flatmap(lambda user: steps(st.just(user), st.just(0)))
BATCHES = st.lists(AT_MANY_JOBS | AT_ONE_JOB, min_size=3, max_size=6)
BALANCES = st.lists(st.sampled_from([100, 150, 400]), min_size=USERS, max_size=USERS)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    phases=[Phase.generate],  # a race does not happen again for being shrunk
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example has users of its own in the one house
        HealthCheck.too_slow,  # a story takes as long as PostgreSQL does
    ],
)
@given(balances=BALANCES, batches=BATCHES)
async def test_every_token_is_accounted_for(house: House, balances: list[int], batches: list[list[Step]]) -> None:
    story = await Story.begun(house, balances)

    for batch in batches:
        await asyncio.gather(*map(story.do, batch))

        await story.check()
