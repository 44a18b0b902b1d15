"""The questions that Segment's users have, each an answer joined from what several operations tell.

A question is a module with one coroutine, which takes a `Reading` and what is asked, and returns the answer's `data`:

    summary     one to three sentences that are true on their own
    ...         what the question is about
    next        where to go on, if the answer is a part: pass it as `after`
    truncated   whether something was left out, for want of time or beyond a bound
    gaps        what could not be read, and why; what hangs on it is unknown, never guessed
    evidence    which operations were read, how often, and when
"""
