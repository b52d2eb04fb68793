"""The executor that takes the fast path where it can."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import Any

from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_server.execution.plans import Plans, plans_of
from graphql_server.execution.values import Completion, note


class FastExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor with a shortcut for lists.

    The method that is overridden, and what it is given, are private to graphql-core: its version is pinned.
    """

    def complete_iterable_value(  # noqa: PLR0913, PLR0917 - as inherited
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,  # noqa: ANN401 - as inherited
    ) -> AwaitableOrValue[list[Any]]:
        """Complete a list as a whole, or leave it to stock."""
        arguments = (item_type, field_details_list, info, path, items, position_context)
        stock = super().complete_iterable_value
        if not self._is_plain or position_context is not None or not isinstance(items, list):
            return stock(*arguments)
        completion = self._plans.completion(item_type, field_details_list, self.collect_subfields)
        if completion is None:
            return stock(*arguments)
        if completion.waits:
            return self._completed_later(completion, items, lambda: stock(*arguments))
        try:
            # A copy: what is answered must not be the list that an object holds.
            return completion.now(list(items), self.context_value)
        except Exception as reason:  # noqa: BLE001 - whatever it is, stock finds it again
            note(reason)
        return stock(*arguments)

    async def _completed_later(
        self, completion: Completion, items: list[Any], stock: Callable[[], AwaitableOrValue[list[Any]]]
    ) -> list[Any]:
        try:
            return await completion.later(items, self.context_value)
        except Exception as reason:  # noqa: BLE001 - as above; what was loaded meanwhile is in the dataloaders
            note(reason)
        completed = stock()
        return await completed if isinstance(completed, Awaitable) else completed

    @cached_property
    def _plans(self) -> Plans:
        return plans_of(self.schema, self.operation, self.fragments)

    @cached_property
    def _is_plain(self) -> bool:
        """Whether nothing is asked for that comes between a field and its resolver, or delivers an answer in parts."""
        middleware, schema = self.middleware_manager, self.schema
        is_incremental = schema.get_directive("defer") is not None or schema.get_directive("stream") is not None
        return not (is_incremental or self.abort_signal is not None or (middleware and middleware.middlewares))
