"""`python -m segment_mcp` is the command `segment-mcp`."""

from segment_mcp.cli import main

if __name__ == "__main__":
    main()
