"""How a test asks for something that is not executed."""

from typing import Any

from strawberry.types.execution import PreExecutionError

from graphql_server.schema import Schema
from schema.schema import schema


async def refused(query: str, by: Schema = schema, **variables: Any) -> tuple[str, dict[str, Any]]:
    """Return message and extensions of the one error of a document that is not executed."""
    result = await by.execute(query, variable_values=variables)
    assert isinstance(result, PreExecutionError)
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions is not None
    return error.message, dict(error.extensions)
