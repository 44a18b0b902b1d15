"""Every question through the toolbox's door, while each call that it makes goes wrong in turn.

Whatever goes wrong, an answer comes within ten seconds of the clock. Without what a question is about it is a failure.
Without anything else the answer names the gap, and what hangs on it is unknown: nothing else changes, and nothing is
guessed. A list that comes in small pages, or with nothing in it, is a list like any other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from segment_mcp.envelope import Envelope
from segment_mcp.operations import OPERATIONS
from tests.leaping import LEAPING
from tests.tools import claims
from tests.tools.sweeping import Question, World, contradictions, is_known, world

pytestmark = pytest.mark.anyio

WEBSITE, BACKEND, QUIET = "GFIYTOxHfOu2H5ySDDAXac", "EOxa2ax67HUhmSOZPCLWRL", "zkVjMbYaWxMhIAo9gRFfFP"
AMPLITUDE, ANALYTICS, BRAZE = "oI0b1gdvkqtbWrKvtxeDt5", "M6wJqTz9RcYk3XvFhN8sLb", "J9smV1ZC97OhjyRpo8tbnx"
WEBHOOKS, MIXPANEL = "IO9xpPBAXWjbcurMVNGL3z", "qHW8M9GWtNyoABigIgQO93"
COMMANDBAR, SLACK = "PuNQ7sMuSaLueh2s2X5IjV", "c5ly9A5bNKqOGHuRqZ0cjq"
PURCHASES = "k9XvJtQz5LrWc3YpNhTb7G"
"""The subscription of Google Analytics that nothing triggers."""
STOREFRONT, SERVICES = "tp_plndQ9upUles0BZknTNGVvg9BJj", "tp_SzuqA77Vk99psLamzC1QMBDkchI"

RECEIVED, FAILED, BLOCKED = (
    "getIngressSuccessMetricsFromDeliveryOverview",
    "getIngressFailedMetricsFromDeliveryOverview",
    "getFilteredAtSourceMetricsFromDeliveryOverview",
)
FILTERED, UNDELIVERED, DELIVERED = (
    "getFilteredAtDestinationMetricsFromDeliveryOverview",
    "getEgressFailedMetricsFromDeliveryOverview",
    "getEgressSuccessMetricsFromDeliveryOverview",
)
VOLUME, RULES, SETTINGS = "getEventsVolumeFromWorkspace", "listRulesFromTrackingPlan", "listSchemaSettingsInSource"
CALLS, MTU, AUDIT = "getDailyPerSourceAPICallsUsage", "getDailyPerSourceMTUUsage", "listAuditEvents"
CONNECTED, SUBSCRIPTIONS = "listConnectedDestinationsFromSource", "listSubscriptionsFromDestination"
FILTERS, SUMMARY = "listFiltersFromDestination", "listDeliveryMetricsSummaryFromDestination"
OF_PLAN = "listSourcesFromTrackingPlan"

PLANNED_BY_SERVICES = (
    "Invoice Payment Failed|Order Refunded|Order Shipped|Stock Level Changed|Subscription (Cancelled|Started)"
)
PLANNED_BY_STOREFRONT = (
    "Cart Viewed|Checkout Started|Coupon Applied|Product (List Viewed|Removed)|Products Searched|Signed Up|screen"
)
"""Events that are planned, and that nobody sends."""

A_NEW_SOURCE = ("POST", "/sources", {"slug": "fresh", "enabled": True, "metadataId": "iUM16Md8P2"})
UNREAD_PLANS = ("POST", "/_sandbox/faults", {"operation": "listTrackingPlans", "status": 403})
SIGNED_UP = {"type": "identify", "userId": "u-9", "traits": {"email": "u9@example.com"}}
NOTHING = "(?!)"
"""Of claims that hang on an operation: none."""


def track(name: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "userId": "u-1", "messageId": "m-1", "properties": properties}


QUESTIONS: Sequence[Question] = (
    Question(
        "delivery of a source",
        "segment_check_delivery_health",
        {"sourceId": WEBSITE},
        ["listDestinations"],
        {
            DELIVERED: rf"({AMPLITUDE}|{ANALYTICS})\.(status|delivered|failureRate|trend|latency\..*)",
            UNDELIVERED: rf"({AMPLITUDE}|{ANALYTICS})\.(status|failed|failureRate|trend|reasons\..*)",
            FILTERED: rf"({AMPLITUDE}|{ANALYTICS})\.(filtered|filteredFor\..*)|{ANALYTICS}\.status",
            SUMMARY: r".*\.(retried|latency\..*)",
        },
        claims.of_delivery,
        headline=r".*\.status",
    ),
    Question(
        "delivery to a destination",
        "segment_check_delivery_health",
        {"destinationId": BRAZE},
        ["getDestination"],
        {
            DELIVERED: rf"{BRAZE}\.(status|delivered|failureRate|trend|latency\..*)",
            UNDELIVERED: rf"{BRAZE}\.(status|failed|failureRate|trend|reasons\..*)",
            FILTERED: rf"{BRAZE}\.filtered.*",
            SUMMARY: r".*\.(retried|latency\..*)",
        },
        claims.of_delivery,
        headline=r".*\.status",
    ),
    Question(
        "stale sources",
        "segment_find_stale_sources",
        {},
        ["listSources"],
        {
            VOLUME: r"(?!android-legacy).*\.status|.*\.(isNew|lastDay|events|eventsBefore)",
            AUDIT: r".*\.(isNew|created)",
            CALLS: r".*\.apiCalls|agent-events\.(status|isNew)",
            MTU: r".*\.mtu",
        },
        claims.of_stale_sources,
        headline=r".*\.status",
        page_size=7,
        premise=[A_NEW_SOURCE],
    ),
    Question(
        "ungoverned sources",
        "segment_find_ungoverned_sources",
        {},
        ["listSources"],
        {
            "listTrackingPlans": NOTHING,
            OF_PLAN: r"unseenEvents\..*",
            VOLUME: rf".*\.trackEvents|unplannedEvents\.{WEBSITE}\..*|unseenEvents\..*",
            SETTINGS: r"(letsEverythingThrough|blockedLost)\..*",
            BLOCKED: r"blockedLost\..*",
            RULES: r"(unplannedEvents|unseenEvents)\..*|letsEverythingThrough\..*\.rules",
        },
        claims.of_ungoverned_sources,
        headline=r".*\.(certainty|lost)",
        moves={"listTrackingPlans": ".*", OF_PLAN: ".*"},
    ),
    Question(
        "ungoverned sources of plans that can't be listed",
        "segment_find_ungoverned_sources",
        {},
        ["listSources"],
        {
            "getSource": ".*",
            "getTrackingPlan": NOTHING,
            OF_PLAN: r"unseenEvents\..*",
            VOLUME: rf".*\.trackEvents|unplannedEvents\.{WEBSITE}\..*|unseenEvents\..*",
            SETTINGS: r"(letsEverythingThrough|blockedLost)\..*",
            BLOCKED: r"blockedLost\..*",
            RULES: r"(unplannedEvents|unseenEvents)\..*|letsEverythingThrough\..*\.rules",
        },
        claims.of_ungoverned_sources,
        headline=r".*\.(certainty|lost)",
        premise=[UNREAD_PLANS],
    ),
    Question(
        "routing of a source that blocks",
        "segment_audit_event_routing",
        {"sourceId": BACKEND},
        ["getSource"],
        {
            VOLUME: r"seen\..*|(cell|unreached)\.(Invoice Reminder Sent|alias).*|idle\..*",
            RULES: (
                rf"seen\.({PLANNED_BY_SERVICES})|cell\.(?!identify|group|alias|Invoice Reminder Sent\.{WEBHOOKS}).*"
                r"|unreached\.Invoice Reminder Sent|idle\..*"
            ),
            SETTINGS: rf"cell\.Invoice Reminder Sent\.{MIXPANEL}|unreached\.Invoice Reminder Sent",
            CONNECTED: r"cell\..*|unreached\.(alias|group)|idle\..*",
            SUBSCRIPTIONS: r"cell\.(?!Invoice Reminder Sent).*|unreached\.(alias|group)|idle\..*",
            FILTERS: (
                rf"cell\.(Invoice Paid|Subscription Renewed)\.{WEBHOOKS}"
                rf"|cell\.(?!group|alias|Invoice Reminder Sent).*\.{MIXPANEL}"
            ),
        },
        claims.of_routing,
        headline=r"(cell|unreached|idle)\..*",
        moves={
            RULES: r"(seen|cell|unreached|idle)\.(?!identify|group|alias).*",
            CONNECTED: r"(cell|unreached|idle)\..*",
            SUBSCRIPTIONS: r"(cell|unreached|idle)\..*",
        },
    ),
    Question(
        "routing of a source that lets through",
        "segment_audit_event_routing",
        {"sourceId": WEBSITE},
        ["getSource"],
        {
            VOLUME: rf"seen\..*|cell\.Wishlist Viewed\..*|idle\.({ANALYTICS}|{PURCHASES})",
            RULES: rf"(seen|cell)\.({PLANNED_BY_STOREFRONT}).*|unreached\.screen|idle\.({ANALYTICS}|{PURCHASES})",
            SETTINGS: rf"cell\.Wishlist Viewed\.{AMPLITUDE}",
            CONNECTED: r"cell\..*|unreached\..*|idle\..*",
            SUBSCRIPTIONS: rf"cell\..*\.(?!{SLACK}).*|unreached\..*|idle\.({ANALYTICS}|{PURCHASES})",
            FILTERS: rf"cell\.(?!screen).*\.{AMPLITUDE}",
        },
        claims.of_routing,
        headline=r"(cell|unreached|idle)\..*",
        moves={SUBSCRIPTIONS: r"(cell|unreached|idle)\..*"},
    ),
    Question(
        "trace of an event that is blocked",
        "segment_trace_event",
        {"event": "Invoice Paid", "sourceId": BACKEND, "sample": track("Invoice Paid")},
        ["getSource"],
        {
            SETTINGS: r"source\.verdict\..*",
            CONNECTED: r"at\..*|(stop|cause)\.(filteredAtDestination|failedDelivery)\..*",
            RECEIVED: r"source\.received",
            FAILED: r"source\.failedOnIngest\..*",
            BLOCKED: r"source\.filteredAtSource\..*|stop\.filteredAtSource\..*",
            RULES: r"source\.plan\.(planned|rule)|source\.verdict\..*",
            FILTERED: r"at\..*\.filteredAtDestination\..*",
            UNDELIVERED: r"at\..*\.failedDelivery\..*|stop\.failedDelivery\..*",
            DELIVERED: r"at\..*\.delivered",
            SUBSCRIPTIONS: r"at\..*\.(fires\..*|outcome)",
            FILTERS: r"at\..*\.outcome",
        },
        claims.of_trace,
        headline=r"(stop|cause|at|source)\..*",
        moves={
            RECEIVED: r"source\.received|stop\.notReceived\..*",
            DELIVERED: r"at\..*\.delivered|stop\.notCounted\..*",
            SUBSCRIPTIONS: r"(at|stop|cause)\..*",
        },
    ),
    Question(
        "trace of an event that no mapping takes",
        "segment_trace_event",
        {"event": "Order Completed", "sourceId": WEBSITE},
        ["getSource"],
        {
            SETTINGS: NOTHING,
            CONNECTED: r"at\..*|(stop|cause)\.(filteredAtDestination|failedDelivery)\..*",
            RECEIVED: r"source\.received",
            FAILED: r"source\.failedOnIngest\..*",
            BLOCKED: r"source\.filteredAtSource\..*",
            RULES: r"source\.plan\.(planned|rule)",
            FILTERED: rf"at\..*\.filteredAtDestination\..*|stop\.filteredAtDestination\.({ANALYTICS}|{SLACK})",
            UNDELIVERED: r"at\..*\.failedDelivery\..*|stop\.failedDelivery\..*",
            DELIVERED: r"at\..*\.delivered",
            SUBSCRIPTIONS: (
                rf"at\.(?!{SLACK}).*\.(fires\..*|outcome|code|dependsOn.*)"
                rf"|(stop|cause)\.filteredAtDestination\.({COMMANDBAR}|{ANALYTICS}\.).*"
            ),
            FILTERS: rf"at\.{AMPLITUDE}\.(outcome|dependsOn.*)",
        },
        claims.of_trace,
        headline=r"(stop|cause|at|source)\..*",
        moves={RECEIVED: r"source\.received|stop\.notReceived\..*", SUBSCRIPTIONS: r"(at|stop|cause)\..*"},
    ),
    Question(
        "trace of an event that nobody sends",
        "segment_trace_event",
        {"event": "Order Complete"},
        [],
        {VOLUME: r"(stop|cause|similar)\..*", "listSources": NOTHING, FAILED: NOTHING},
        claims.of_trace,
        headline=r"(stop|cause)\..*",
    ),
    Question(
        "validation of an event that no plan has",
        "segment_validate_event",
        {"sourceId": BACKEND, "event": track("Nobody Plans This")},
        ["getSource"],
        {"getTrackingPlan": NOTHING, RULES: r"event\..*", SETTINGS: r"event\.(outcome|code)"},
        claims.of_validation,
        headline=r"event\.outcome",
    ),
    Question(
        "validation of an event that breaks its rule",
        "segment_validate_event",
        {"sourceId": WEBSITE, "event": track("Order Completed")},
        ["getSource"],
        {"getTrackingPlan": NOTHING, RULES: r"event\..*", SETTINGS: r"event\.outcome"},
        claims.of_validation,
        headline=r"event\.outcome",
    ),
    Question(
        "difference of two plans",
        "segment_diff_tracking_plan",
        {"trackingPlanId": SERVICES, "otherPlanId": STOREFRONT},
        ["getTrackingPlan", RULES],
        {
            OF_PLAN: r"sources|effect\..*\.(events|\w+Blocked)",
            VOLUME: r"effect\..*\.(events|\w+Blocked)",
            SETTINGS: r"effect\..*\.\w+Blocked",
        },
        claims.of_diff,
        headline=r"effect\..*\.events",
    ),
    Question(
        "preview of a destination's mappings",
        "segment_preview_mapping",
        {"destinationId": AMPLITUDE, "event": track("Order Completed")},
        ["getDestination"],
        {SUBSCRIPTIONS: r"outcome|code|\w+\..*", FILTERS: r"outcome|\w+\.leaves"},
        claims.of_mapping,
        headline=r"outcome",
    ),
    Question(
        "test event that is delivered",
        "segment_send_test_event",
        {"sourceId": QUIET, "deliver": True, "event": SIGNED_UP},
        ["getSource"],
        {
            "listDestinations": r"destinations|\w+\.delivered",
            RECEIVED: NOTHING,
            FAILED: NOTHING,
            BLOCKED: NOTHING,
            FILTERED: NOTHING,
            UNDELIVERED: NOTHING,
            DELIVERED: r"\w+\.delivered",
        },
        claims.of_sending,
        headline=r"received|destinations|\w+\.delivered",
        moves={RECEIVED: r"received|not_seen|\w+\.delivered"},
        seconds=60,
    ),
    Question(
        "test event that is blocked",
        "segment_send_test_event",
        {"sourceId": BACKEND, "event": track("Nobody Plans This")},
        ["getSource"],
        {RECEIVED: NOTHING, FAILED: NOTHING, BLOCKED: r"blocked|reason\..*"},
        claims.of_sending,
        headline=r"received|blocked",
        seconds=60,
    ),
    Question(
        "test event that events volume shows",
        "segment_send_test_event",
        {"sourceId": QUIET},
        ["getSource"],
        {FAILED: NOTHING, BLOCKED: NOTHING, VOLUME: "received"},
        claims.of_sending,
        headline=r"received|blocked",
        moves={VOLUME: "received|not_seen"},
        seconds=60,
        premise=[("POST", "/_sandbox/faults", {"operation": RECEIVED, "status": 403})],
    ),
    Question(
        "profile",
        "segment_lookup_profile",
        {"id": "u-1001"},
        [],
        {
            "getProfileMetadata": r"metadata\..*",
            "getProfileTraits": r"traits\..*",
            "getProfileExternalIds": (  # numbers, dates and texts may then be IDs that nobody knows; yes and no can't
                r"externalIds\..*|traits\.(?!frequent_buyers|lapsed_frequent_buyers|newsletter).*"
                r"|events\.\d\.properties\..*"
            ),
            "getProfileLinks": r"links\..*",
            "getProfileEvents": r"events\..*",
        },
        claims.of_profile,
        gone=["getProfileMetadata"],
        headline=r"(traits|externalIds|links|events\.0)\..*",
    ),
)

REFUSED_PAGES, SLOW_PAGES = "page by page until one is refused", "page by page and slow"
KINDS: Mapping[str, Mapping[str, Any]] = {
    "forbidden": {"status": 403},
    "missing": {"status": 404},
    "broken": {"status": 500},
    "limited": {"status": 429},
    "slow": {"delaySeconds": 600},
    "cut off": {"body": "truncated"},
    "without a body": {"body": "empty"},
    "of another shape": {"body": "json-list"},
    REFUSED_PAGES: {},
    SLOW_PAGES: {"delaySeconds": 2.7},
}
"""What goes wrong. Of slow pages only some come in time: the list ends before its end."""
WHY: Mapping[str, set[str]] = {
    "forbidden": {"permission", "plan", "alpha_access"},
    "missing": {"not_found"},
    "broken": {"unavailable", "time"},
    "limited": {"limit", "time"},
    "slow": {"time", "unavailable"},
    REFUSED_PAGES: {"permission", "plan", "alpha_access"},
    SLOW_PAGES: {"bound", "time"},
}
"""The code of the gap that each leaves; of the others it is `unavailable`."""
FAILURES: Mapping[str, set[str]] = {
    "forbidden": {"forbidden"},
    "missing": {"not_found"},
    "broken": {"unavailable", "timeout"},
    "limited": {"rate_limited", "timeout"},
    "slow": {"timeout"},
    REFUSED_PAGES: {"forbidden"},
    SLOW_PAGES: {"timeout"},
}
"""The code of the failure where it is what the question is about; of the others it is `invalid_response`."""
NOT_THEIRS_ALONE = frozenset({"limited", REFUSED_PAGES, SLOW_PAGES})
"""What may keep other things from being read too: a limit ends a round; and a list may have had all that it has to say.
"""
OWNED_UP = re.compile(r"unknown|could not|can't|at least|not known|gaps|go on with next|nobody|not reached|no counter")


@pytest.fixture
def anyio_backend() -> Any:
    return LEAPING


def cases() -> Iterator[Any]:
    """Each operation of each question is forbidden; and it goes wrong in every other way with one of its questions."""
    for operation in dict.fromkeys(name for question in QUESTIONS for name in (*question.anchors, *question.rests)):
        asking = [one for one in QUESTIONS if operation in one.anchors or operation in one.rests]
        for number, question in enumerate(asking):
            kinds = ["forbidden", *(kind for at, kind in enumerate(list(KINDS)[1:]) if at % len(asking) == number)]
            yield pytest.param(question, operation, kinds, id=f"{question}-{operation}")


LISTS = [
    pytest.param(question, operation, id=f"{question}-{operation}")
    for question in QUESTIONS
    for operation in (*question.anchors, *question.rests)
    if OPERATIONS[operation].pagination or operation == SUMMARY
]
_HEALTHY: dict[str, Envelope] = {}


async def healthy(question: Question) -> Mapping[str, Any]:
    """The answer while nothing goes wrong; the clock is the same for all, so it is asked for once."""
    if question.name not in _HEALTHY:
        async with world(question) as here:
            _HEALTHY[question.name], _ = await here.ask(question)
    envelope = _HEALTHY[question.name]
    assert envelope.successful, envelope.error
    return envelope.data


def claimed(question: Question, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer claims to know."""
    return {about: claim for about, claim in question.claims(answer).items() if is_known(claim)}


def named(answer: Mapping[str, Any]) -> dict[str, str]:
    """The gaps' codes by operation."""
    return {gap.get("operation", ""): gap["code"] for gap in answer["gaps"]}


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_a_healthy_answer_reads_what_is_let_go_wrong_here_and_has_no_gap_of_it(question: Question) -> None:
    answer = await healthy(question)
    read = {each["operation"] for each in answer["evidence"]}
    assert read == {*question.anchors, *question.rests}
    assert not read & named(answer).keys()
    assert all(
        any(re.fullmatch(about, claim) for claim in claimed(question, answer))
        for about in question.rests.values()
        if about != NOTHING
    )


@pytest.mark.parametrize(("question", "operation", "kinds"), list(cases()))
async def test_without_one_of_its_calls_an_answer_says_so_and_claims_nothing_that_hangs_on_it(
    question: Question, operation: str, kinds: Sequence[str]
) -> None:
    truth = await healthy(question)
    for kind in kinds:
        async with world(question) as here:
            await trouble(here, operation, kind)
            envelope, seconds = await here.ask(question)
        assert seconds <= 10 + question.seconds, kind
        is_needed = operation in question.anchors or (kind == "missing" and operation in question.gone)
        shares_its_limit = kind == "limited" and OPERATIONS[operation].per_second is not None
        if not envelope.successful:
            assert is_needed or shares_its_limit, (kind, envelope.error)
            assert envelope.data["code"] in FAILURES.get(kind, {"invalid_response"}), kind
        elif kind == REFUSED_PAGES and not here.way.refused:
            assert question.claims(envelope.data) == question.claims(truth), kind
        else:
            assert not is_needed or kind == SLOW_PAGES, kind
            says_less(question, operation, kind, truth, envelope.data)


async def trouble(here: World, operation: str, kind: str) -> None:
    """Let an operation go wrong."""
    if KINDS[kind]:
        await here.fault(operation, **KINDS[kind])
    if kind in {SLOW_PAGES, REFUSED_PAGES}:
        here.way.page_size, here.way.paged = 1, operation
    if kind == REFUSED_PAGES:
        here.way.without_second = operation


def says_less(
    question: Question, operation: str, kind: str, truth: Mapping[str, Any], answer: Mapping[str, Any]
) -> None:
    """Check an answer that had to do without an operation, or without some of its pages, against the healthy one."""
    before, after = claimed(question, truth), claimed(question, answer)
    assert contradictions(after, before) == {}, kind
    lost = before.keys() - after.keys()
    if lost or kind not in NOT_THEIRS_ALONE:
        assert named(answer).get(operation) in WHY.get(kind, {"unavailable"}), (kind, named(answer))
    hanging = {about for about in before if re.fullmatch(question.rests.get(operation, ".*"), about)}
    if kind not in {SLOW_PAGES, REFUSED_PAGES}:
        assert {about for about in hanging & after.keys() if after[about] == before[about]} == set(), kind
    if kind not in NOT_THEIRS_ALONE:
        assert lost <= hanging, kind
    if any(re.fullmatch(question.headline, about) for about in lost):
        assert OWNED_UP.search(answer["summary"]), (kind, answer["summary"])
        assert answer["summary"] != truth["summary"], kind


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_small_pages_change_nothing(question: Question) -> None:
    truth = await healthy(question)
    async with world(question) as here:
        here.way.page_size = question.page_size
        envelope, _ = await here.ask(question)
        assert here.way.bent
    assert question.claims(envelope.data) == question.claims(truth)
    for name in ("summary", "gaps", "truncated"):
        assert envelope.data[name] == truth[name]


@pytest.mark.parametrize(("question", "operation"), LISTS)
async def test_a_list_with_nothing_in_it_is_no_gap_and_changes_only_what_hangs_on_it(
    question: Question, operation: str
) -> None:
    truth = await healthy(question)
    async with world(question) as here:
        here.way.emptied = operation
        envelope, seconds = await here.ask(question)
        assert here.way.bent
    assert envelope.successful, envelope.error
    assert seconds <= 10 + question.seconds
    assert operation not in named(envelope.data)
    before, after = claimed(question, truth), claimed(question, envelope.data)
    changed = {about for about in before.keys() | after.keys() if before.get(about) != after.get(about)}
    moves = question.moves.get(operation, question.rests.get(operation, ".*"))
    assert {about for about in changed if not re.fullmatch(moves, about)} == set()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {REFUSED_PAGES, SLOW_PAGES}])
async def test_a_test_event_that_segment_did_not_take_is_deferred_or_refused_and_never_called_received(
    kind: str,
) -> None:
    question = next(one for one in QUESTIONS if one.name == "test event that is delivered")
    async with world(question) as here:
        await here.fault("identify", **KINDS[kind])
        envelope, seconds = await here.ask(question)
    assert seconds <= 10 + question.seconds
    if envelope.successful:
        assert (envelope.data["outcome"], envelope.data["status"]) == ("deferred", "deferred")
    else:
        assert envelope.data["code"] in FAILURES.get(kind, {"invalid_response"})
