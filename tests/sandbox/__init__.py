"""The sandbox, tested through its own door: the two APIs."""
