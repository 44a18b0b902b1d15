"""How clients reach the server: stdio, Streamable HTTP, and the older HTTP+SSE."""
