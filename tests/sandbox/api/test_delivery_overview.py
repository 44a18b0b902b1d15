"""The delivery overview of the sandbox: at which step events stopped."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import windows
from tests.sandbox.conftest import Clock
from tests.sandbox.world import destination, metrics, send, source_id

from .asking import data, refused

SOURCE_STEPS = ("successfully-received", "failed-on-ingest", "filtered-at-source")
DESTINATION_STEPS = ("filtered-at-destination", "failed-delivery", "successful-delivery")
STEPS = (*SOURCE_STEPS, *DESTINATION_STEPS)

INVOICE = {
    "userId": "u",
    "event": "Invoice Paid",  # planned, and what the webhook subscribes to
    "properties": {"invoiceId": "i", "amount": 5},
    "context": {"app": {"version": "9.9"}},
}


class Overview:
    """Asks for one source, and one destination of it, within the last hour up to now."""

    def __init__(self, client: httpx2.AsyncClient, clock: Clock, source: str, fed: str) -> None:
        self._client, self._clock, self.source, self.fed = client, clock, source, fed

    async def get(self, step: str, **asked: str) -> httpx2.Response:
        now = self._clock()
        params = {
            "sourceId": self.source,
            **({"destinationConfigId": self.fed} if step in DESTINATION_STEPS else {}),
            "granularity": "MINUTE",
            "startTime": windows.iso(now - timedelta(hours=1)),
            "endTime": windows.iso(now + timedelta(minutes=1)),
            **asked,
        }
        return await self._client.get(f"/delivery-overview/{step}", params=params)

    async def ask(self, step: str, **asked: str) -> Any:
        return data(await self.get(step, **asked))


@pytest.fixture
async def backend(client: httpx2.AsyncClient, clock: Clock) -> Overview:
    hook = await destination(client, "actions-webhook")
    return Overview(client, clock, await source_id(client, "backend"), hook["id"])


@pytest.mark.parametrize("step", STEPS)
async def test_an_unknown_source_is_not_found(backend: Overview, step: str) -> None:
    assert (await backend.get(step, sourceId="unknown")).status_code == 404


@pytest.mark.parametrize("step", DESTINATION_STEPS)
async def test_a_destination_of_another_source_is_not_found(
    client: httpx2.AsyncClient, backend: Overview, step: str
) -> None:
    other = await destination(client, "actions-braze-cloud")
    assert (await backend.get(step, destinationConfigId=other["id"])).status_code == 404
    assert (await backend.get(step, destinationConfigId="unknown")).status_code == 404


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("span", "fields"),
    [
        (("MINUTE", 4, 0), None),
        (("MINUTE", 5, 0), ["startTime"]),
        (("MINUTE", 49, 46), ["startTime"]),
        (("HOUR", 14 * 24, 0), None),
        (("HOUR", 15 * 24, 0), ["startTime"]),
        (("HOUR", 31 * 24, 30 * 24), ["startTime"]),
        (("DAY", 30 * 24, 0), None),
        (("DAY", 31 * 24, 24), ["startTime"]),
        (("DAY", 1, 2), ["endTime"]),
        (("WEEK", 1, 0), ["granularity"]),
    ],
)
async def test_it_reaches_as_far_as_documented(
    backend: Overview, clock: Clock, step: str, span: tuple[str, int, int], fields: list[str] | None
) -> None:
    granularity, start, end = span
    answer = await backend.get(
        step,
        granularity=granularity,
        startTime=windows.iso(clock() - timedelta(hours=start)),
        endTime=windows.iso(clock() - timedelta(hours=end)),
    )
    assert (answer.is_success if fields is None else refused(answer) == (422, fields)) is True


@pytest.mark.parametrize(
    ("step", "group", "valid"),
    [
        ("successfully-received", "eventName", True),
        ("successfully-received", "discardReason", False),
        ("failed-on-ingest", "discardReason", True),
        ("failed-on-ingest", "subscriptionId", False),
        ("failed-delivery", "subscriptionId", True),
        ("successful-delivery", "spaceId", True),
        ("filtered-at-source", "audienceId", False),
        ("filtered-at-destination", "nothing", False),
    ],
)
async def test_each_step_groups_by_what_it_knows(backend: Overview, step: str, group: str, valid: object) -> None:
    answer = await backend.get(step, **{"groupBy.0": group})
    assert (answer.is_success or refused(answer) != (422, ["groupBy"])) is valid


async def test_an_event_is_received_and_delivered(client: httpx2.AsyncClient, backend: Overview) -> None:
    await send(client, "track", INVOICE, key="server")
    asked = {"filter.appVersion.0": "9.9", "groupBy": "eventName,appVersion"}
    for step, more in [
        ("successfully-received", {}),
        ("successful-delivery", {"totalRetryCount": 0}),
    ]:
        found = await backend.ask(step, **asked)
        time = "2026-05-20T12:00:00.000Z"
        point = {"time": time, "count": 1, **({"retryCount": 0} if more else {})}
        row = {"eventName": "Invoice Paid", "appVersion": "9.9", "total": 1, "series": [point], **more}
        assert (found["total"], found["dataset"]) == (1, [row])
    for step in ("failed-on-ingest", "filtered-at-source", "filtered-at-destination", "failed-delivery"):
        assert (await backend.ask(step, **asked))["total"] == 0


async def test_a_refused_event_says_why(client: httpx2.AsyncClient, backend: Overview) -> None:
    await send(client, "track", {"event": "Nobody"}, key="server")
    await send(client, "track", {"userId": "u", "event": "Odd", "properties": 1}, key="server")
    await send(client, "track", {"userId": "u", "event": "Odd", "properties": 2}, key="server")
    found = await backend.ask("failed-on-ingest", **{"groupBy.0": "discardReason"})
    assert found["total"] == 3
    assert [(row["discardReason"], row["total"]) for row in found["dataset"]] == [
        ("properties_not_object", 2),
        ("no_user_anon_id", 1),
    ]
    only = await backend.ask("failed-on-ingest", **{"filter[discardReason][0]": "no_user_anon_id"})
    assert only["total"] == 1
    named = {"filter.eventName.0": "Odd", "filter.eventName.1": "Nobody"}
    assert (await backend.ask("successfully-received", **named))["total"] == 0


async def test_an_event_that_opts_out_of_a_destination_is_filtered_there(
    client: httpx2.AsyncClient, backend: Overview
) -> None:
    await send(client, "track", {**INVOICE, "integrations": {"Webhooks (Actions)": False}}, key="server")
    asked = {"filter.appVersion": "9.9"}
    found = await backend.ask("filtered-at-destination", groupBy="discardReason", **asked)
    assert [(row["discardReason"], row["total"]) for row in found["dataset"]] == [
        ("FILTERED_BY_INTEGRATIONS_OBJECT", 1)
    ]
    assert (await backend.ask("successful-delivery", **asked))["total"] == 0


async def test_its_counts_are_those_of_the_delivery_metrics(
    client: httpx2.AsyncClient, backend: Overview, clock: Clock
) -> None:
    span = {
        "granularity": "DAY",
        "startTime": windows.iso(clock() - timedelta(days=14)),
        "endTime": windows.iso(clock()),
    }
    summary = await metrics(client, "actions-webhook", **span)
    failed = await backend.ask("failed-delivery", **span, groupBy="discardReason")
    assert {row["discardReason"]: row["total"] for row in failed["dataset"]} == {
        "BAD_REQUEST": summary["discarded"]["total"],
        "ETIMEDOUT": summary["expired"]["total"],
    }
    succeeded = await backend.ask("successful-delivery", **span)
    assert succeeded["total"] == summary["successes"]["total"]
    later = next(each for each in summary["successes"]["breakdown"] if each["metricName"].endswith("after_retry"))
    assert succeeded["dataset"][0]["totalRetryCount"] == later["value"] > 0
    retried = await backend.ask("successful-delivery", **span, **{"filter.discardReason.0": "successes.attempt.2"})
    assert retried["total"] == later["value"]


async def test_a_browser_only_destination_has_no_deliveries(client: httpx2.AsyncClient, clock: Clock) -> None:
    shown = await destination(client, "actions-commandbar")
    browser = Overview(client, clock, shown["sourceId"], shown["id"])
    await send(client, "track", {"userId": "u", "event": "Web"}, key="web")
    for step in DESTINATION_STEPS:
        assert (await browser.ask(step))["total"] == 0


async def test_without_groups_there_is_one_row_even_without_events(backend: Overview, clock: Clock) -> None:
    lately = {"startTime": windows.iso(clock())}
    found = await backend.ask("filtered-at-source", **lately)
    assert (found["total"], found["dataset"]) == (0, [{"total": 0, "series": []}])
    assert (await backend.ask("filtered-at-source", **lately, groupBy="eventName"))["dataset"] == []


async def test_what_no_event_has_lets_no_filter_pass(backend: Overview) -> None:
    day = {"granularity": "HOUR"}
    assert (await backend.ask("successful-delivery", **day))["total"] > 0
    assert (await backend.ask("successful-delivery", **day, **{"filter.activationId.0": "x"}))["total"] == 0
    (row,) = (await backend.ask("successful-delivery", **day, groupBy="activationId"))["dataset"]
    assert set(row) == {"total", "series", "totalRetryCount"}


async def test_rows_come_in_pages(backend: Overview) -> None:
    asked = {"granularity": "HOUR", "groupBy": "eventName,eventType"}
    whole = await backend.ask("successfully-received", **asked)
    assert whole["total"] == sum(row["total"] for row in whole["dataset"])
    assert [row["total"] for row in whole["dataset"]] == sorted(
        (row["total"] for row in whole["dataset"]), reverse=True
    )
    first = await backend.ask("successfully-received", **asked, **{"pagination.count": "2"})
    rest = await backend.ask("successfully-received", **asked, **{"pagination.cursor": first["pagination"]["next"]})
    assert (first["dataset"] + rest["dataset"], first["total"]) == (whole["dataset"], whole["total"])
