"""The Public API: a module of handlers for each family of operations.

`handlers.HANDLERS` has them by operation; what has none is answered by `made`: a valid answer made from the schema,
with a header that says so.
"""
