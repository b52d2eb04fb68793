"""Executes queries in batches, without an executor of graphql-core's.

That is a cycle, which holds what was read until the garbage collector comes, and to make it costs a tenth of a poll.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.types import ExecutionContext

from graphql_server.execution.objects import ObjectOf
from graphql_server.execution.plans import Planner
from graphql_server.execution.values import RowTypes, Run, Unsupported
from graphql_server.limits import MOST_VALUES, AnswerTooLarge, Budget, forget_frames

logger = logging.getLogger(__name__)


def _no_rows(_class: type) -> Mapping[str, object]:
    return {}


@dataclass
class Batching:
    """What batch execution knows of rows, and how often it has left a query to the default executor, by reason.

    The reasons: `variables`, they are wrong; `unsupported`, the query has a field that cannot be batched; `result`,
    there was an error, or a value that only the default executor can judge.
    """

    row_types: RowTypes = _no_rows
    fallbacks: Counter[str] = field(default_factory=Counter)
    on_fallback: Callable[[str], None] = lambda _reason: None

    def count(self, reason: str, details: object) -> None:
        """Count a fallback; the details are logged."""
        self.fallbacks[reason] += 1
        self.on_fallback(reason)
        logger.debug("Fell back to the default executor: %s, %r", reason, details)


@dataclass(eq=False)
class Query:
    """A query of a document, with its last plan: to make one costs a tenth of a large result, a sixth of a small one.

    A plan depends on the variables that `@skip` and `@include` may depend on, which are Boolean.
    """

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    _flags: list[tuple[str, bool]] | None = None
    _plan: ObjectOf | None = None

    async def execute(
        self, context: ExecutionContext, batching: Batching, most_values: int = MOST_VALUES
    ) -> tuple[dict[str, Any] | None, Mapping[str, Any]]:
        """Return a response's data; None where the default executor has to make it, and what roots have resolved to.

        Raises AnswerTooLarge.
        """
        definitions, given = self.operation.variable_definitions or (), context.variables or {}
        # One error is enough: the default executor reports them, and to make thousands takes long.
        values = get_variable_values(self.schema, definitions, given, max_errors=1, hide_suggestions=True)
        if isinstance(values, list):
            batching.count("variables", values)
            for error in values:
                forget_frames(error)
            return None, {}
        plan = self._planned(values)
        if plan is None:
            batching.count("unsupported", self.operation.name)
            return None, {}
        fragments = {name: found.definition for name, found in self.fragments.items()}
        run = Run(
            self.schema, self.operation, fragments, values, context.context, context.operation_extensions,
            batching.row_types, Budget(most_values),
        )  # fmt: skip
        try:
            return (await plan.objects([None], {NoneType}, run))[0], {}
        except AnswerTooLarge as refusal:
            forget_frames(refusal)
            raise
        except Exception as reason:  # noqa: BLE001 - whatever it is, the default executor finds it again
            batching.count("result", reason)
            return None, run.resolved

    def _planned(self, variables: VariableValues) -> ObjectOf | None:
        flags = [(name, value) for name, value in variables.coerced.items() if isinstance(value, bool)]
        if flags != self._flags:
            try:
                self._plan = Planner(self.schema, self.operation, self.fragments, variables).query()
            except (Unsupported, GraphQLError, RecursionError):
                self._plan = None
            self._flags = flags
        return self._plan
