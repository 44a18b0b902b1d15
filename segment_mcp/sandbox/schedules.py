"""When a linked audience runs by itself: every so often, or at certain hours of certain days."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.bodies import only

INTERVALS = MappingProxyType(
    {"15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": 1440}
)
DAYS = range(7)  # from Sunday
HOURS = range(24)

_FIELDS = MappingProxyType({"PERIODIC": ("interval",), "SPECIFIC_DAYS": ("days", "hours", "timezone")})


def config_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a schedule's body, with what its strategy knows and nothing else.

    The documented values are checked, and a schedule without a configuration is refused: nobody would know when.

    Raises:
        RefusalError: 422 naming each field that is wrong.
    """
    problems = list(_problems(given["strategy"], given["config"]))
    if problems:
        raise refusals.invalid(problems)
    return only(given["config"], _FIELDS[given["strategy"]])


def next_execution(config: Mapping[str, Any], now: datetime) -> datetime:
    """The first moment after now at which a schedule is due, in UTC.

    Intervals are counted from midnight UTC, as Segment documents it; days and hours are those of the time zone.
    """
    if "interval" in config:
        interval = INTERVALS[config["interval"]]
        return windows.EPOCH + (windows.minute_of(now) // interval + 1) * interval * windows.MINUTE
    zone = ZoneInfo(config["timezone"])
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today + timedelta(days=ahead) for ahead in range(8)]
    moments = (
        day.replace(hour=int(hour)).astimezone(now.tzinfo)
        for day in days
        if day.isoweekday() % 7 in config["days"]
        for hour in config["hours"]
    )
    return min(moment for moment in moments if moment > now)


def _problems(strategy: str, config: Mapping[str, Any] | None) -> Iterator[refusals.Problem]:
    if config is None:
        yield refusals.problem("config", "is required")
        return
    for name in _FIELDS[strategy]:
        if name not in config:
            yield refusals.problem(f"config.{name}", "is required")
        elif predicate := _wrong(name, config[name]):
            yield refusals.problem(f"config.{name}", predicate)


def _wrong(name: str, value: Any) -> str:
    # What a strategy needs is checked as a whole: the schema lets one strategy's fields hold anything in the other's.
    match name:
        case "interval":
            known = isinstance(value, str) and value in INTERVALS
            return "" if known else f"must be one of [{', '.join(INTERVALS)}]"
        case "timezone":
            return "" if isinstance(value, str) and _is_zone(value) else "is not a time zone"
        case _:
            allowed = DAYS if name == "days" else HOURS
            known = isinstance(value, list) and all(_is_number(each) and each in allowed for each in value)
            return "" if known and value else f"must hold numbers from 0 to {allowed[-1]}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, or a folder of names
        return False
    return True
