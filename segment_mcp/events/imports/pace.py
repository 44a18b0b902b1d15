"""How fast events leave."""


class Pace:
    """Spreads events over time.

    Args:
        rate: events a second; 0: as fast as they can.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free = 0.0

    def wait(self, events: int, now: float) -> float:
        """Seconds to wait before so many events leave, which are then reckoned as gone.

        Args:
            events: of one request.
            now: seconds of a clock that never goes back.
        """
        if not self._rate:
            return 0.0
        begin = max(now, self._free)
        self._free = begin + events / self._rate
        return begin - now
