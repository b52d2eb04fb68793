"""Batch execution of queries: each field is resolved and completed for all objects of a list before the next field is.

`plans.py` turns an operation into columns, `objects.py` and `leaves.py` complete them, `batch.py` executes a query.

One rule keeps it safe: only results without an error are made here. At an exception, a null in the wrong place, a value
of an unexpected type, or a field that is not supported, the default executor executes the whole query, with its own
errors, paths and nulls. What root fields have resolved to is given to it, so that nothing is read twice.
"""
