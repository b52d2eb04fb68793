"""The fast path of execution: a field at a time for all objects of a list, instead of an object at a time.

`roots.py` does whole queries, `executor.py` lists in whatever else is executed; both by the plans of `plans.py`.

One rule makes it safe: here only answers without an error are made. Whatever is unusual (an exception, a null in the
wrong place, a value of a strange type, a field that is not understood) is handed back, and the stock executor does the
whole query, list or selection set from the start, with its own errors, paths and nulls. With `fast=False` in
`schema.schema` everything works the same, only slower; `tests/schema/test_execution.py` compares the ways.
"""
