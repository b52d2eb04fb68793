"""What the routes are given, and at what cost."""

from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter
from fastapi.security import HTTPBearer

from rest_compat import looks, subscription, video_job_events, video_jobs

ROUTERS = (
    subscription.admin_router,
    looks.router,
    looks.migration_router,
    subscription.router,
    subscription.public_router,
    video_job_events.router,
    video_jobs.router,
    video_jobs.models_router,
)


def dependencies(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from dependencies(each)


@pytest.mark.parametrize("router", ROUTERS)
def test_nothing_that_a_route_needs_is_taken_to_another_thread(router: APIRouter) -> None:
    for route in router.routes:
        assert isinstance(route, APIRoute)
        for call in dependencies(route.dependant):
            function = type(call).__call__ if isinstance(call, HTTPBearer) else call
            assert iscoroutinefunction(function) or isasyncgenfunction(function), f"{route.path}: {call}"
