"""The fast path of execution: lists a field at a time instead of an object at a time.

One rule makes it safe: here only answers without an error are made. Whatever is unusual (an exception, a null in the
wrong place, a value of a strange type, a field that is not understood) is handed back, and the stock executor does the
whole list or selection set from the start, with its own errors, paths and nulls. Without `FastExecutor` in
`schema.schema` everything works the same, only slower; `tests/schema/test_execution.py` compares the two.
"""
