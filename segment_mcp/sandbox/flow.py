"""An event's way through Segment: its source, ingest, its tracking plan, and then each destination; counted throughout.

    ingest      failed, or accepted and received
    governance  blocked at the source, or left with what its plan and settings let through
    routes      stopped on the way to a destination, or on its way there: once for each subscription it triggers
    webhooks    what really leaves, to loopback only; everything else that leaves counts as delivered

A blocked event was received, and is no API call and no tracked user. If it is forwarded it is an event of the other
source, and an API call there; so is each violation, as a track event `Violation Generated`. What is forwarded bypasses
the other source's plan (Segment's docs, Protocols FAQ), so nothing goes in circles; it keeps its `messageId`, and is
never taken for a repeat. Violations of blocked events are forwarded, too: the docs make no difference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from segment_mcp.sandbox import ingest, webhooks, windows
from segment_mcp.sandbox.arrivals import Event, Stop
from segment_mcp.sandbox.dispatches import Dispatch
from segment_mcp.sandbox.governance import Governor, Message, controls_of
from segment_mcp.sandbox.ledger import Delivery, Failure, Filtered, Ledger, Series
from segment_mcp.sandbox.profiles import Arrival, Profiles
from segment_mcp.sandbox.rules import Rules, Violation
from segment_mcp.sandbox.tracking_plans import TrackingPlan
from segment_mcp.sandbox.workspace import Source, Workspace

if TYPE_CHECKING:
    from segment_mcp.sandbox.filters import Dice
    from segment_mcp.sandbox.routes import Departure, Route, Routes

VIOLATION_EVENT = "Violation Generated"
VIOLATION_USER = "schema-violations"
_NO_TIME = "0001-01-01T00:00:00Z"
_MOST_ENDS = 10_000
_AT_ONCE = webhooks.succeeded(1)

Ends = tuple[tuple[str, ...], tuple[Stop, ...]]
"""Where an event left for, and where it stopped."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the events of one request share: when they came, with which key, and the batch's `sentAt`.

    Attributes:
        returned: whether a webhook of a sandbox sent them: they trigger no further requests, whose deliveries are
            discarded, untried.
    """

    received: datetime
    write_key: str
    sent_at: Any = None
    returned: bool = False


class Parcel(NamedTuple):
    """Something that leaves for a destination.

    Attributes:
        number: of the event.
        minute: of its receipt.
        request: what is really to be sent; None if nothing is.
    """

    departure: Departure
    series: Series
    number: int
    minute: int
    request: webhooks.Request | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """What the accepted events of one request share: where they came from, when, and where they can go.

    Attributes:
        governor: None if nothing governs them.
        origin: the source that forwards them; None for those that were sent.
        parcels: what is still to be sent, for all of them.
    """

    source: Source
    receipt: Receipt
    minute: int
    governor: Governor | None
    routes: Sequence[Route]
    origin: str | None = None
    parcels: list[Parcel] = field(default_factory=list)


class Flow:
    """Takes events into one workspace and its ledger.

    Args:
        workspace: its sources and destinations.
        ledger: counts what becomes of events.
        plans: the workspace's tracking plans by ID.
        dice: chance, for filters that let only a share through.
        profiles: what Unify makes of events that nothing blocked; None: some of its own.
    """

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        plans: Mapping[str, TrackingPlan],
        dice: Dice,
        profiles: Profiles | None = None,
    ) -> None:
        self._workspace = workspace
        self._ledger = ledger
        self._plans = plans
        self._dice = dice
        self._profiles = Profiles() if profiles is None else profiles
        self._routes: Routes | None = None
        self._governors: dict[str, tuple[Source, Governor]] = {}
        self._rules: dict[str, Rules] = {}
        self._ends: dict[Ends, Ends] = {}
        self._assigned = count(1)
        self._violations = count(1)

    def take(self, receipt: Receipt, events: Iterable[Any]) -> list[Parcel]:
        """Accept, count and deliver each event, or count why it failed on ingest.

        Returns:
            What is to be sent once the request is answered, by `send`.
        """
        source = self._workspace.source_of(receipt.write_key)
        if source is None or not source.enabled:
            for event in events:
                self.fail(receipt, "unknown_source" if source is None else "source_disabled", event)
            return []
        way = _Way(
            source,
            receipt,
            windows.minute_of(receipt.received),
            self._governor(source),
            self._routes_of(source.id),
        )
        for event in events:
            code = ingest.failure(event)
            if code is None:
                self._accept(way, event)
            else:
                self._fail(receipt.received, source.id, code, event)
        return way.parcels

    def fail(self, receipt: Receipt, code: str, event: Any = None) -> None:
        """Count an event, or a request that held none, as failed on ingest."""
        source = self._workspace.source_of(receipt.write_key)
        self._fail(receipt.received, source.id if source else "", code, event)

    async def send(self, parcels: Sequence[Parcel], sleep: Callable[[float], Awaitable[None]]) -> None:
        """Make the requests of webhooks, and count how they ended.

        Args:
            parcels: what `take` left to be sent.
            sleep: waits the seconds between attempts.
        """
        from segment_mcp.sandbox import posting  # noqa: PLC0415 - it brings an HTTP client, which few ever need

        requests = [each.request for each in parcels if each.request is not None]
        await posting.send(requests, lambda index, result: self._settle(parcels[index], result), sleep)

    def _fail(self, received: datetime, source_id: str, code: str, event: Any) -> None:
        fields = event if isinstance(event, dict) else {}
        kind, name, message_id = (_text(fields.get(field)) for field in ("type", "event", "messageId"))
        failure = Failure(
            source_id, intern(kind or ""), name and intern(name), code, _app_version(fields.get("context"))
        )
        self._ledger.failed.add(windows.minute_of(received), failure)
        self._ledger.arrivals.add(
            Event(
                number=self._ledger.arrivals.newest + 1,
                message_id=message_id or "",
                source_id=failure.source_id,
                type=failure.type,
                name=failure.name,
                received=received,
                timestamp=received,
                code=code,
            )
        )

    def _accept(self, way: _Way, event: dict[str, Any]) -> None:
        received, ledger = way.receipt.received, self._ledger
        message_id = _text(event.get("messageId")) or f"sandbox-api-{next(self._assigned)}"
        if way.origin is None and ledger.arrivals.is_repeat(message_id, received):
            return
        kind = intern(event["type"])  # remembered by the hundred thousand, and few are different
        name = intern(event["event"]) if kind == "track" else None
        series = Series(way.source.id, kind, name, _app_version(event.get("context")))
        arrived = Event(
            number=ledger.arrivals.newest + 1,
            message_id=message_id,
            source_id=way.source.id,
            type=kind,
            name=name,
            received=received,
            timestamp=ingest.happened(received, event.get("sentAt") or way.receipt.sent_at, event.get("timestamp")),
            forwarded_from=way.origin,
        )
        if way.governor is not None:
            self._govern(way, way.governor, event, arrived, series)
        else:
            self._pass(way, arrived, series, _message(way, event, arrived) if way.routes else event)

    def _govern(self, way: _Way, governor: Governor, event: Message, arrived: Event, series: Series) -> None:
        verdict = governor.judge(_message(way, event, arrived))
        if verdict.blocked is None:
            self._pass(way, arrived, series, verdict.message)
        else:
            self._ledger.block(way.minute, series, verdict.blocked)
            self._ledger.arrivals.add(arrived._replace(blocked=verdict.blocked))
            told = {"messageId": arrived.message_id, "context": verdict.message.get("context", {})}
            self._forward(way, "forwardingBlockedEventsTo", {**event, **told})
        for violation in verdict.violations:
            found = self._violation(governor.rules.plan, way.source, violation, verdict.message)
            self._forward(way, "forwardingViolationsTo", found)

    def _pass(self, way: _Way, arrived: Event, series: Series, message: Message) -> None:
        """Count an event that nothing blocked, and send it to its destinations."""
        day = way.receipt.received.date()
        self._ledger.accept(way.minute, day, series)
        self._ledger.users.see(day, way.source.id, message.get("userId"), message.get("anonymousId"))
        self._profiles.take(message, Arrival(way.source.id, arrived.message_id, arrived.received, arrived.timestamp))
        reached: dict[str, None] = {}
        stops: list[Stop] = []
        for route in way.routes:
            for step in route.steps(message, self._dice):
                if isinstance(step, Stop):
                    stops.append(step)
                    counted = Filtered(step.destination_id, step.code, series, step.subscription_id)
                    self._ledger.filtered.add(way.minute, counted)
                else:
                    reached[step.destination.id] = None
                    self._depart(way, Parcel(step, series, arrived.number, way.minute))
        if way.routes:
            destinations, filtered = self._shared((tuple(reached), tuple(stops)))
            arrived = arrived._replace(destinations=destinations, filtered=filtered)
        self._ledger.arrivals.add(arrived)

    def _shared(self, ends: Ends) -> Ends:
        """The same ends as an earlier event had: they are remembered by the hundred thousand, and few are different."""
        if len(self._ends) > _MOST_ENDS:
            self._ends.clear()
        return self._ends.setdefault(ends, ends)

    def _depart(self, way: _Way, parcel: Parcel) -> None:
        destination, subscription, payload = parcel.departure
        if destination.refuses:
            self._settle(parcel, webhooks.Result("discarded", 1, destination.refuses))
            return
        if subscription is None or not webhooks.is_webhook(destination.metadata["id"], subscription.action_id):
            self._settle(parcel, _AT_ONCE)
            return
        request = webhooks.request(payload, destination.settings.get("sharedSecret"))
        if request is None or (way.receipt.returned and webhooks.is_loopback(request.url)):
            self._settle(parcel, webhooks.NOT_SENT)
        elif webhooks.is_loopback(request.url):
            way.parcels.append(parcel._replace(request=request))
        else:
            self._settle(parcel, _AT_ONCE)

    def _settle(self, parcel: Parcel, result: webhooks.Result) -> None:
        destination, subscription, payload = parcel.departure
        subscription_id = None if subscription is None else subscription.id
        delivery = Delivery(destination.id, result.outcome, parcel.series, subscription_id, result.reason)
        self._ledger.delivered.add(parcel.minute, delivery)
        self._ledger.dispatches.add(
            Dispatch(
                parcel.number,
                destination.id,
                subscription_id,
                result.outcome,
                result.attempts,
                result.reason,
                payload,
            )
        )

    def _forward(self, way: _Way, setting: str, event: dict[str, Any]) -> None:
        """Hand an event to the source that the schema settings name, if they name one."""
        target = self._workspace.sources.get(way.source.schema_settings.get(setting, ""))
        if target is None:
            return
        if not target.enabled:
            self._fail(way.receipt.received, target.id, "source_disabled", event)
            return
        routes = self._routes_of(target.id)
        self._accept(_Way(target, way.receipt, way.minute, None, routes, way.source.id, way.parcels), event)

    def _violation(self, plan: TrackingPlan, source: Source, found: Violation, message: Message) -> dict[str, Any]:
        """The event that tells of a violation, with the properties that Segment documents for it."""
        context = message.get("context")
        shared = context if isinstance(context, dict) else {}
        return {
            "type": "track",
            "event": VIOLATION_EVENT,
            "userId": VIOLATION_USER,
            "messageId": f"sch-{next(self._violations)}",
            "context": {"app": shared.get("app"), "library": shared.get("library")},
            "integrations": {},
            "forwardedFromProject": source.id,
            "properties": {
                "appVersion": _app_version(shared) or "",
                "eventMessageID": message["messageId"],
                "eventName": message.get("event" if message["type"] == "track" else "name") or "",
                "eventSentAt": message.get("sentAt") or _NO_TIME,
                "eventTimestamp": message.get("originalTimestamp") or _NO_TIME,
                "eventType": message["type"],
                "sourceID": source.id,
                "sourceName": source.name,
                "sourceSlug": source.slug,
                "trackingPlanID": plan.id,
                "trackingPlanName": plan.answer["name"],
                "violationDescription": found.description,
                "violationField": found.field,
                "violationType": found.type,
            },
        }

    def _routes_of(self, source_id: str) -> tuple[Route, ...]:
        if self._routes is None:
            from segment_mcp.sandbox.routes import Routes  # noqa: PLC0415 - it brings two languages, slow to import

            self._routes = Routes(self._workspace)
        return self._routes.of(source_id)

    def _governor(self, source: Source) -> Governor | None:
        """What governs a source: made again when the source or its plan is another object than before."""
        plan = self._plans.get(source.tracking_plan_id or "")
        if plan is None:
            return None
        known = self._governors.get(source.id)
        if known is not None and known[0] is source and known[1].rules.plan is plan:
            return known[1]
        rules = self._rules.get(plan.id)
        if rules is None or rules.plan is not plan:
            rules = self._rules[plan.id] = Rules(plan)
        governor = Governor(source.id, rules, controls_of(source.schema_settings))
        self._governors[source.id] = source, governor
        return governor


def _message(way: _Way, event: Message, arrived: Event) -> dict[str, Any]:
    """The event as Segment hands it on: with its times and its ID, and without the key that it came with."""
    message = {name: value for name, value in event.items() if name != "writeKey"}
    sent_at = message.get("sentAt") or way.receipt.sent_at
    return {
        **message,
        "messageId": arrived.message_id,
        "timestamp": windows.iso(arrived.timestamp),
        "receivedAt": windows.iso(arrived.received),
        **({"originalTimestamp": message["timestamp"]} if message.get("timestamp") else {}),
        **({"sentAt": sent_at} if sent_at else {}),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _app_version(context: Any) -> str | None:
    app = context.get("app") if isinstance(context, dict) else None
    return _text(app.get("version")) if isinstance(app, dict) else None
