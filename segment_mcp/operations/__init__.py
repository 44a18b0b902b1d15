"""What Segment's APIs accept and answer: a typed row per operation, and JSON schemas beside them.

`get` finds a row by Segment's name for it; `schemas` reads what its area accepts and answers, on first
use. Rows are facts: nothing here sends, and both the adapter and the sandbox read them independently.
"""

from segment_mcp.operations.catalog import OPERATIONS, area_of, get, schemas
from segment_mcp.operations.operation import Api, Method, Operation, Safety, Stability

__all__ = ["OPERATIONS", "Api", "Method", "Operation", "Safety", "Stability", "area_of", "get", "schemas"]
