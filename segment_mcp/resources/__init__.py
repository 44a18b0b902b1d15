"""What a client's application can read: the state of workspaces and of this server, each piece at its own URI."""
