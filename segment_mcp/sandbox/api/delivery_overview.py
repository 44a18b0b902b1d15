"""The delivery overview: where events of a source, and of a destination that it feeds, stopped or went on."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from segment_mcp.sandbox import overview, refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, moment, page, source_of
from segment_mcp.sandbox.ledger import Outcome
from segment_mcp.sandbox.overview import Count
from segment_mcp.sandbox.workspace import Destination

_RECEIVED = ("eventName", "eventType", "appVersion")
_SOURCE = (*_RECEIVED, "discardReason")
_DESTINATION = (*_SOURCE, "subscriptionId", "activationId", "audienceId", "spaceId")


def _received(state: State, call: Call) -> Data:
    source = source_of(state, call)
    counts = (
        Count(minute, overview.dimensions(series), count)
        for minute, series, count in state.ledger.accepted.within(_minutes(call))
        if series.source_id == source.id
    )
    return _answer(call, counts, _RECEIVED)


def _failed_on_ingest(state: State, call: Call) -> Data:
    """Events of an unknown write key belong to no source, and are in nobody's overview."""
    source = source_of(state, call)
    counts = (
        Count(minute, overview.dimensions(failure, failure.code), count)
        for minute, failure, count in state.ledger.failed.within(_minutes(call))
        if failure.source_id == source.id
    )
    return _answer(call, counts, _SOURCE)


def _filtered_at_source(state: State, call: Call) -> Data:
    """Events that the source's tracking plan and schema settings blocked; they are among those received, too."""
    source = source_of(state, call)
    counts = (
        Count(minute, overview.dimensions(key.series, key.code), count)
        for minute, key, count in state.ledger.blocked.within(_minutes(call))
        if key.series.source_id == source.id
    )
    return _answer(call, counts, _SOURCE)


def _filtered_at_destination(state: State, call: Call) -> Data:
    """Events that were kept from the destination: once for each, or once for each subscription whose mapping did."""
    destination = _destination(state, call)
    counts = (
        Count(minute, overview.dimensions(key.series, key.code, key.subscription_id), count)
        for minute, key, count in state.ledger.filtered.within(_minutes(call))
        if key.destination_id == destination.id
    )
    return _answer(call, counts, _DESTINATION)


def _failed_delivery(state: State, call: Call) -> Data:
    """Deliveries that ended without success; one that is still being tried is in no step yet."""
    return _answer(call, _deliveries(state, call, overview.FAILED), _DESTINATION)


def _successful_delivery(state: State, call: Call) -> Data:
    return _answer(call, _deliveries(state, call, overview.SUCCEEDED), _DESTINATION, retries=True)


def _deliveries(state: State, call: Call, reasons: Mapping[Outcome, str]) -> list[Count]:
    destination = _destination(state, call)
    return [
        overview.delivered(minute, key, count, reasons)
        for minute, key, count in state.ledger.delivered.within(_minutes(call))
        if key.destination_id == destination.id and key.outcome in reasons
    ]


def _destination(state: State, call: Call) -> Destination:
    """The destination, if the source that is asked for feeds it: otherwise it is not found there, 404."""
    source = source_of(state, call)
    found = state.workspace.destinations.get(call.arguments["destinationConfigId"])
    if found is None or found.source_id != source.id:
        raise refusals.not_found("Destination of this source")
    return found


def _minutes(call: Call) -> range:
    asked, granularity = call.arguments, call.arguments["granularity"]
    since, until = moment(asked, "startTime") or call.now, moment(asked, "endTime") or call.now  # both are required
    windows.check_span(granularity, windows.OVERVIEW[granularity], since, until, call.now)
    return windows.minutes_between(since, until)


def _answer(call: Call, counts: Iterable[Count], groups: Sequence[str], *, retries: bool = False) -> Data:
    """`groupBy` also comes comma-delimited, as its description has it."""
    group_by = list(dict.fromkeys(part for text in call.arguments.get("groupBy", ()) for part in text.split(",")))
    if not set(group_by) <= set(groups):
        raise refusals.invalid([refusals.problem("groupBy", f"must be one of [{', '.join(groups)}]")])
    filters = {
        name.removeprefix("filter."): allowed for name, allowed in call.arguments.items() if name.startswith("filter.")
    }
    rows = overview.rows(counts, overview.Question(call.arguments["granularity"], group_by, filters, retries))
    return {"total": sum(row["total"] for row in rows), **page("dataset", rows, call)}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getIngressSuccessMetricsFromDeliveryOverview": _received,
        "getIngressFailedMetricsFromDeliveryOverview": _failed_on_ingest,
        "getFilteredAtSourceMetricsFromDeliveryOverview": _filtered_at_source,
        "getFilteredAtDestinationMetricsFromDeliveryOverview": _filtered_at_destination,
        "getEgressFailedMetricsFromDeliveryOverview": _failed_delivery,
        "getEgressSuccessMetricsFromDeliveryOverview": _successful_delivery,
    }
)
