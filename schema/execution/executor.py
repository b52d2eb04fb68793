"""The executor that takes the fast path where it can."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.marks import ContextOnly
from schema.execution.objects import Selection
from schema.execution.plans import Plans
from schema.execution.values import Completion

logger = logging.getLogger("lookreel.execution")


class Split(NamedTuple):
    """A selection set of one object: what the fast path does, what is left, and all response names in order."""

    selection: Selection
    rest: GroupedFieldSet
    names: dict[str, None]


class FastExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor with two shortcuts: the plain fields of an object, and lists of objects.

    The methods that are overridden are private to graphql-core: its version is pinned.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as inherited
        super().__init__(*args, **kwargs)
        self._plans = Plans(self.schema, self.collect_subfields)
        self._info = ContextOnly(self.context_value)
        # By the identity of what stock has collected; it is kept beside, so that no other gets its id.
        self._splits: dict[tuple[int, int], tuple[object, Split | None]] = {}
        self._is_plain = _is_plain(self)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,  # noqa: ANN401 - as inherited
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,  # noqa: ANN401 - as inherited
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Do the fields of one object that need no dataloader; leave the others to stock."""
        stock = super().execute_fields
        split = self._split(parent_type, grouped_field_set) if position_context is None else None
        known = None if split is None else self._known(split, source_value)
        if split is None or known is None:
            return stock(parent_type, source_value, path, grouped_field_set, position_context)
        if not split.rest:
            return known
        rest = stock(parent_type, source_value, path, split.rest, position_context)
        return _joined_later(split, known, rest) if isinstance(rest, Awaitable) else {**split.names, **known, **rest}

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
        if not self._is_plain or position_context is not None or not isinstance(items, list) or not items:
            return stock(*arguments)
        completion = self._plans.completion(item_type, field_details_list)
        if completion is None:
            return stock(*arguments)
        if completion.waits:
            return self._completed_later(completion, items, lambda: stock(*arguments))
        try:
            return completion.now(items, self._info)
        except Exception as reason:  # noqa: BLE001 - whatever it is, stock finds it again
            _note(reason)
        return stock(*arguments)

    async def _completed_later(
        self, completion: Completion, items: list[Any], stock: Callable[[], AwaitableOrValue[list[Any]]]
    ) -> list[Any]:
        try:
            return await completion.later(items, self._info)
        except Exception as reason:  # noqa: BLE001 - as above; what was loaded meanwhile is in the dataloaders
            _note(reason)
        completed = stock()
        return await completed if isinstance(completed, Awaitable) else completed

    def _known(self, split: Split, source: object) -> dict[str, Any] | None:
        try:
            [known] = split.selection.now([source], self._info)
        except Exception as reason:  # noqa: BLE001 - as above
            _note(reason)
            return None
        found: dict[str, Any] = known
        return found

    def _split(self, type_: GraphQLObjectType, fields: GroupedFieldSet) -> Split | None:
        key = (id(type_), id(fields))
        if key not in self._splits:
            self._splits[key] = fields, self._made_split(type_, fields) if self._is_plain else None
        return self._splits[key][1]

    def _made_split(self, type_: GraphQLObjectType, fields: GroupedFieldSet) -> Split | None:
        columns = self._plans.columns(type_, fields)
        known = {name: column for name, column in columns.items() if column is not None and not column.waits}
        rest = {name: details for name, details in fields.items() if name not in known}
        return Split(Selection(known), rest, dict.fromkeys(fields)) if known else None


async def _joined_later(split: Split, known: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return {**split.names, **known, **await rest}


def _is_plain(executor: StrawberryGraphQLCoreExecutionContext) -> bool:
    """Whether nothing is asked for that comes between a field and its resolver, or delivers an answer in parts."""
    middleware, schema = executor.middleware_manager, executor.schema
    is_incremental = schema.get_directive("defer") is not None or schema.get_directive("stream") is not None
    return not (is_incremental or executor.abort_signal is not None or (middleware and middleware.middlewares))


def _note(reason: Exception) -> None:
    logger.debug("Handed back to the stock executor: %r", reason)
