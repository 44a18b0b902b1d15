"""The rows, one module per API area."""
