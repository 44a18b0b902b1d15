"""Spans of time: how Segment's metrics cut and limit them, and how its answers spell them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from segment_mcp.sandbox import refusals

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES = MappingProxyType({"MINUTE": 1, "HOUR": 60, "DAY": 24 * 60})


@dataclass(frozen=True, slots=True)
class Limits:
    """How far metrics reach at one granularity: the longest span, the oldest start, and the span unless asked for."""

    longest: timedelta
    oldest: timedelta
    default: timedelta = timedelta()


# As the operation documents them, but for the default of DAY: the documented 30 days exceed its own limit.
DELIVERY = MappingProxyType(
    {
        "MINUTE": Limits(timedelta(hours=4), timedelta(hours=48), timedelta(hours=1)),
        "HOUR": Limits(timedelta(days=7), timedelta(days=7), timedelta(days=7)),
        "DAY": Limits(timedelta(days=14), timedelta(days=14), timedelta(days=14)),
    }
)
# Of the delivery overview, which has no defaults: both times are required.
OVERVIEW = MappingProxyType(
    {
        "MINUTE": Limits(timedelta(hours=4), timedelta(hours=48)),
        "HOUR": Limits(timedelta(days=14), timedelta(days=30)),
        "DAY": Limits(timedelta(days=30), timedelta(days=30)),
    }
)


def minute_of(moment: datetime) -> int:
    """The minute that holds the moment, counted from 1970."""
    return (moment - EPOCH) // MINUTE


def minutes_between(start: datetime, end: datetime) -> range:
    """The minutes of a span that includes its start and not its end.

    Counters know minutes only, so a start within a minute takes in that whole minute.
    """
    return range(minute_of(start), -((EPOCH - end) // MINUTE))


def iso(moment: datetime) -> str:
    """A moment in UTC, with milliseconds and `Z`, as in Segment's examples."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_minute(minute: int) -> str:
    """`iso` of a minute counted from 1970."""
    return iso(EPOCH + minute * MINUTE)


def parse(text: str) -> datetime | None:
    """The moment in UTC that ISO 8601 text names; None if it names none. Without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # an offset can lead out of the calendar
        return None


def delivery_span(
    granularity: str, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """The span that delivery metrics are asked for.

    Args:
        granularity: `MINUTE`, `HOUR` or `DAY`.
        start: inclusive; the granularity's default before now unless given.
        end: exclusive; now unless given.
        now: the clock.

    Raises:
        RefusalError: 422, as `check_span`.
    """
    limits = DELIVERY[granularity]
    since, until = start or now - limits.default, end or now
    check_span(granularity, limits, since, until, now)
    return since, until


def check_span(granularity: str, limits: Limits, since: datetime, until: datetime, now: datetime) -> None:
    """Hold a span against what a granularity allows.

    Raises:
        RefusalError: 422 naming the field: the span is empty, too long, or starts too long ago. A client
            that asks for the oldest allowed start has a minute for its request to arrive: ours.
    """
    if until <= since:
        raise refusals.invalid([refusals.problem("endTime", "must be after startTime")])
    if until - since > limits.longest + MINUTE:
        raise refusals.invalid(
            [refusals.problem("startTime", f"must be within {_words(limits.longest)} of endTime for {granularity}")]
        )
    if since < now - limits.oldest - MINUTE:
        raise refusals.invalid(
            [refusals.problem("startTime", f"must be at most {_words(limits.oldest)} ago for {granularity}")]
        )


def _words(span: timedelta) -> str:
    return f"{span // timedelta(hours=1)} hours" if span <= timedelta(hours=48) else f"{span.days} days"
