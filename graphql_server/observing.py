"""Who wants to know what was executed, and how long it took."""

from contextlib import AbstractContextManager, nullcontext

from graphql import FieldNode, OperationDefinitionNode

REFUSED = "refused"
SEVERAL = "several"


class Observer:
    """Is called for each query and mutation, and notes nothing; labels are names of the schema: there are not many."""

    def executing(self) -> AbstractContextManager[object]:
        """Surround an operation and the call of `operation` about it."""
        return nullcontext()

    def operation(self, label: str, seconds: float, *, has_errors: bool) -> None:
        """Note an operation: `query looks`, `mutation several`; `refused` where it was not executed."""

    def fallback(self, reason: str) -> None:
        """Note a query that batch execution has left to the default executor."""


def label_of(operation: OperationDefinitionNode) -> str:
    """Return the operation's type with its root field; of a valid document, that is a name of the schema."""
    selections = operation.selection_set.selections
    roots = {node.name.value for node in selections if isinstance(node, FieldNode)}
    is_one = len(roots) == 1 and all(isinstance(node, FieldNode) for node in selections)
    return f"{operation.operation.value} {roots.pop() if is_one else SEVERAL}"
