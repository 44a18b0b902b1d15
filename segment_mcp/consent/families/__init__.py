"""The recipes of all operations that destroy, one module per family of things."""
