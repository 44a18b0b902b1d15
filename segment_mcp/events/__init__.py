"""What an event is, and how it gets to Segment: `checks` says what Segment would drop, `sink` sends."""
