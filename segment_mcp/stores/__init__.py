"""What survives the process, in SQLite: the outbox and the checkpoints of imports. Only this room knows a database."""
