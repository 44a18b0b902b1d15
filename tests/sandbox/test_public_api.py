"""The Public API of the sandbox. Each answer is also held against the reference: see `reference.py`."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS

from .conftest import Clock
from .world import PERIOD, TODAY, calls_today, destination, metrics, send, source, source_id


def fields(answer: httpx2.Response) -> list[str | None]:
    return [error.get("field") for error in answer.json()["errors"]]


def data(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


async def test_every_operation_answers_as_the_reference_says(client: httpx2.AsyncClient) -> None:
    web, hook = await source_id(client, "website"), await destination(client, "actions-webhook")
    plan = data(await client.get("/tracking-plans"))["trackingPlans"][0]["id"]
    span = {"startTime": "2026-05-01T00:00:00Z", "endTime": "2026-05-20T12:00:00Z", "granularity": "DAY"}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/", {}),
        ("GET", "/sources", {}),
        ("GET", f"/sources/{web}", {}),
        ("PATCH", f"/sources/{web}", {"json": {}}),
        ("POST", f"/sources/{web}/labels", {"json": {"labels": [{"key": "environment", "value": "dev"}]}}),
        ("POST", f"/sources/{web}/writekey", {}),
        ("GET", f"/sources/{web}/connected-destinations", {}),
        ("GET", f"/sources/{web}/connected-warehouses", {}),
        ("GET", f"/sources/{web}/settings", {}),
        ("GET", "/destinations", {}),
        ("GET", f"/destinations/{hook['id']}", {}),
        ("GET", f"/destinations/{hook['id']}/delivery-metrics", {"params": {"sourceId": hook["sourceId"]}}),
        ("GET", "/labels", {}),
        ("POST", "/labels", {"json": {"label": {"key": "team", "value": "data"}}}),
        ("GET", "/warehouses", {}),
        ("GET", "/tracking-plans", {}),
        ("GET", f"/tracking-plans/{plan}", {}),
        ("GET", f"/tracking-plans/{plan}/rules", {}),
        ("GET", "/usage/api-calls/sources/daily", {"params": {"period": PERIOD}}),
        ("GET", "/usage/api-calls/daily", {"params": {"period": PERIOD}}),
        ("GET", "/events/volume", {"params": span}),
        ("DELETE", f"/sources/{web}/writekey/{WRITE_KEYS['web']}", {}),
        ("DELETE", f"/sources/{web}", {}),
    ]
    for method, path, more in calls:
        assert data(await client.request(method, path, **more))


class TestTheToken:
    @pytest.mark.parametrize(
        "header", [None, "", "Bearer", "Bearer wrong", f"Basic {API_TOKEN}", "Bearer ключ".encode().decode("latin-1")]
    )
    async def test_is_required(self, client: httpx2.AsyncClient, header: str | None) -> None:
        del client.headers["Authorization"]
        for path in ("/sources", "/nothing"):
            answer = await client.get(
                path, headers={} if header is None else [(b"authorization", header.encode("latin-1"))]
            )
            assert answer.status_code == 401

    async def test_is_unknown_in_the_other_region(self, client: httpx2.AsyncClient) -> None:
        assert (await client.get("https://eu1.api.segmentapis.com/sources")).status_code == 401

    async def test_is_judged_whatever_the_host_header_says(self, client: httpx2.AsyncClient) -> None:
        for host, status in [("[::1", 200), ("EU1.api.segmentapis.com:443", 401), ("", 200)]:
            assert (await client.get("/", headers={"Host": host})).status_code == status

    @pytest.mark.parametrize(
        "base", ["https://api.segmentapis.com", "http://127.0.0.1:8080", "http://localhost", "https://x.test"]
    )
    async def test_is_known_at_every_other_host(self, client: httpx2.AsyncClient, base: str) -> None:
        assert (await client.get(f"{base}/")).status_code == 200


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/nothing"),
            ("GET", "/sources/"),
            ("PUT", "/sources"),
            ("DELETE", "/destinations"),
            ("GET", "/sources/unknown"),
            ("PATCH", "/sources/unknown"),
            ("DELETE", "/sources/unknown"),
            ("POST", "/sources/unknown/writekey"),
            ("DELETE", "/sources/unknown/writekey/key"),
            ("GET", "/sources/unknown/settings"),
            ("GET", "/sources/unknown/connected-warehouses"),
            ("GET", "/sources/unknown/connected-destinations"),
            ("GET", "/destinations/unknown"),
            ("GET", "/destinations/unknown/delivery-metrics?sourceId=x"),
            ("GET", "/tracking-plans/unknown"),
            ("GET", "/tracking-plans/unknown/rules"),
            ("GET", "/v1/track"),
            ("POST", "/v1/import"),
        ],
    )
    async def test_what_does_not_exist_is_404(self, client: httpx2.AsyncClient, method: str, path: str) -> None:
        answer = await client.request(method, path, json={} if method == "PATCH" else None)
        assert answer.status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "nope",
            '{"name": "x"',
            b"\xff\xfe",
            '{"settings": {"x": NaN}}',
            '{"settings": {"x": 1e999}}',
            "[" * 99_999,
        ],
    )
    async def test_a_body_that_is_not_json_is_400(self, client: httpx2.AsyncClient, body: str | bytes) -> None:
        path = f"/sources/{await source_id(client, 'website')}"
        assert (await client.patch(path, content=body)).status_code == 400

    async def test_a_body_beyond_a_megabyte_is_413(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}"
        assert (await client.patch(path, json={"name": "x" * 1024 * 1024})).status_code == 413

    @pytest.mark.parametrize(
        ("path", "body", "errors"),
        [
            ("", {"enabled": "yes"}, [('"enabled" must be a boolean', "enabled")]),
            ("", {"name": 1, "slug": 2}, [('"name" must be a string', "name"), ('"slug" must be a string', "slug")]),
            ("", [], [('"value" must be of type object', "value")]),
            ("/labels", {}, [('"labels" is required', "labels")]),
            ("/labels", {"labels": {}}, [('"labels" must be an array', "labels")]),
            (
                "/labels",
                {"labels": [{}]},
                [('"key" is required', "labels.0.key"), ('"value" is required', "labels.0.value")],
            ),
        ],
    )
    async def test_a_body_that_breaks_the_schema_is_422_naming_each_field(
        self, client: httpx2.AsyncClient, path: str, body: Any, errors: list[tuple[str, str]]
    ) -> None:
        answer = await client.request(
            "POST" if path else "PATCH", f"/sources/{await source_id(client, 'website')}{path}", json=body
        )
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"type": "input-validation", "message": message, "field": field} for message, field in errors
        ]

    @pytest.mark.parametrize(
        ("path", "query", "field"),
        [
            ("/sources", "pagination.count=0", "pagination.count"),
            ("/sources", "pagination.count=1001", "pagination.count"),
            ("/sources", "pagination[count]=5000", "pagination.count"),
            ("/sources", "pagination.count=many", "pagination.count"),
            ("/sources", "pagination.cursor=garbled", "pagination.cursor"),
            (f"/sources/{'x' * 256}", "", "sourceId"),
            ("/tracking-plans", "type=OTHER", "type"),
            ("/usage/api-calls/daily", "", "period"),
            ("/usage/api-calls/daily", "period=2026-05", "period"),
            ("/usage/api-calls/daily", "period=2026-13-01", "period"),
            ("/usage/api-calls/sources/daily", "period=2026-05-02", "period"),
            (
                "/events/volume",
                "granularity=WEEK&startTime=2026-05-01T00:00:00Z&endTime=2026-05-02T00:00:00Z",
                "granularity",
            ),
            ("/events/volume", "granularity=DAY&startTime=today&endTime=2026-05-02T00:00:00Z", "startTime"),
            ("/events/volume", "granularity=DAY&startTime=2026-05-01T00:00:00Z", "endTime"),
            (
                "/events/volume",
                "granularity=DAY&startTime=0001-01-01T00:00:00%2B14:00&endTime=2026-05-02T00:00:00Z",
                "startTime",
            ),
            (
                "/events/volume",
                "granularity=DAY&startTime=2026-05-02T00:00:00Z&endTime=2026-05-01T00:00:00Z",
                "endTime",
            ),
            (
                "/events/volume",
                "granularity=DAY&startTime=2026-05-01T00:00:00Z&endTime=2026-05-02T00:00:00Z&groupBy=x",
                "groupBy",
            ),
        ],
    )
    async def test_a_parameter_that_breaks_its_schema_is_422_naming_it(
        self, client: httpx2.AsyncClient, path: str, query: str, field: str
    ) -> None:
        answer = await client.get(f"{path}?{query}")
        assert (answer.status_code, fields(answer)) == (422, [field])


class TestPages:
    @pytest.mark.parametrize("style", ["pagination.{}", "pagination[{}]"])
    async def test_lead_through_the_whole_list(self, client: httpx2.AsyncClient, style: str) -> None:
        everything = [each["id"] for each in data(await client.get("/sources"))["sources"]]
        seen: list[str] = []
        asked = {style.format("count"): "4"}
        while True:
            answer = data(await client.get("/sources", params=asked))
            seen += [each["id"] for each in answer["sources"]]
            assert answer["pagination"]["totalEntries"] == len(everything)
            if "next" not in answer["pagination"]:
                break
            asked[style.format("cursor")] = answer["pagination"]["next"]
        assert seen == everything
        assert len(seen) >= 6


class TestRateLimits:
    async def test_are_told_with_every_success(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        answer = await client.get("/sources")
        assert parsedate_to_datetime(answer.headers["X-RateLimit-Reset"]) == clock().replace(second=30) + timedelta(
            minutes=1
        )
        again = await client.get("/destinations")
        assert int(again.headers["X-RateLimit-Consumed"]) == int(answer.headers["X-RateLimit-Consumed"]) + 1
        assert int(again.headers["X-RateLimit-Remaining"]) == int(answer.headers["X-RateLimit-Remaining"]) - 1

    async def test_hold_where_segment_documents_them(self, client: httpx2.AsyncClient, clock: Clock) -> None:
        def body(number: int) -> dict[str, Any]:
            return {"label": {"key": "n", "value": str(number)}}

        for number in range(60):
            assert (await client.post("/labels", json=body(number))).status_code == 201
        clock.pass_by(timedelta(seconds=20.5))
        refused = await client.post("/labels", json=body(60))
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "40"
        assert refused.json()["errors"] == [
            {
                "type": "RequestError",
                "message": "Too many requests",
                "data": {"remainingPoints": 0, "msBeforeNext": 39500, "consumedPoints": 61},
            }
        ]
        assert (await client.get("/labels")).status_code == 200
        clock.pass_by(timedelta(seconds=39.5))
        assert (await client.post("/labels", json=body(60))).status_code == 201


class TestSources:
    async def test_are_of_the_kinds_a_workspace_has(self, client: httpx2.AsyncClient) -> None:
        sources = data(await client.get("/sources"))["sources"]
        assert {each["metadata"]["categories"][0] for each in sources} == {"Website", "Mobile", "Server", "Payments"}
        assert [each["slug"] for each in sources if not each["enabled"]] == ["android-legacy"]
        assert [each["slug"] for each in sources if not each["writeKeys"]] == ["stripe"]
        assert {key for each in sources for key in each["writeKeys"]} == set(WRITE_KEYS.values())
        assert all(len(key) == 32 for key in WRITE_KEYS.values())

    async def test_change_only_where_the_body_says(self, client: httpx2.AsyncClient) -> None:
        before = await source(client, "website")
        body = {"name": "Shop", "slug": "shop", "enabled": False, "settings": {"extra": 1}}
        answer = data(await client.patch(f"/sources/{before['id']}", json=body))["source"]
        assert answer == {**before, **body, "settings": {**before["settings"], "extra": 1}}
        assert await source(client, "shop") == answer
        assert data(await client.patch(f"/sources/{before['id']}", json={}))["source"] == answer

    async def test_share_no_slug(self, client: httpx2.AsyncClient) -> None:
        before = await source(client, "website")
        refused = await client.patch(f"/sources/{before['id']}", json={"slug": "backend", "name": "X"})
        assert (refused.status_code, fields(refused)) == (409, ["slug"])
        assert await source(client, "website") == before
        assert (await client.patch(f"/sources/{before['id']}", json={"slug": "website"})).status_code == 200

    async def test_answer_whatever_text_they_were_given(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'website')}"
        await client.patch(path, content=b'{"name": "half \\ud83d", "settings": {"k": "\\u2028"}}')
        changed = data(await client.get(path))["source"]
        assert (changed["name"], changed["settings"]["k"]) == ("half ?", "\u2028")

    async def test_are_gone_from_everywhere_once_deleted(self, client: httpx2.AsyncClient) -> None:
        gone = await source_id(client, "backend")
        plan = data(await client.get(f"/sources/{gone}"))["trackingPlanId"]
        usage = data(await client.get("/usage/api-calls/daily", params={"period": PERIOD}))
        assert data(await client.delete(f"/sources/{gone}")) == {"status": "SUCCESS"}
        assert (await client.get(f"/sources/{gone}")).status_code == 404
        assert (await client.delete(f"/sources/{gone}")).status_code == 404
        assert gone not in [each["id"] for each in data(await client.get("/sources"))["sources"]]
        assert gone not in [each["sourceId"] for each in data(await client.get("/destinations"))["destinations"]]
        assert len(data(await client.get("/warehouses"))["warehouses"]) == 2
        assert (await client.get(f"/tracking-plans/{plan}")).status_code == 200
        await send(client, "track", {"userId": "u", "event": "After"}, key="server")
        assert data(await client.get("/usage/api-calls/daily", params={"period": PERIOD})) == usage

    async def test_carry_labels_that_the_workspace_has(self, client: httpx2.AsyncClient) -> None:
        target = await source(client, "agent-events")
        path = f"/sources/{target['id']}/labels"
        refused = await client.post(
            path, json={"labels": [{"key": "team", "value": "growth"}, {"key": "team", "value": "none"}]}
        )
        assert (refused.status_code, fields(refused)) == (422, ["labels.1"])
        assert await source(client, "agent-events") == target
        made = {"key": "team", "value": "none", "description": "Nobody"}
        assert data(await client.post("/labels", json={"label": made})) == {"label": made}
        assert (await client.post("/labels", json={"label": made})).status_code == 409
        answer = data(await client.post(path, json={"labels": [{"key": "team", "value": "none"}, *target["labels"]]}))
        assert answer["labels"] == [*target["labels"], made]
        assert (await source(client, "agent-events"))["labels"] == answer["labels"]
        assert made in data(await client.get("/labels"))["labels"]

    async def test_get_and_lose_write_keys(self, client: httpx2.AsyncClient) -> None:
        target = await source(client, "agent-events")
        path = f"/sources/{target['id']}/writekey"
        keys = data(await client.post(path))["source"]["writeKeys"]
        assert keys[:-1] == target["writeKeys"]
        assert len(keys[-1]) == 32
        assert data(await client.delete(f"{path}/{keys[0]}")) == {"status": "SUCCESS"}
        assert (await client.delete(f"{path}/{keys[0]}")).status_code == 404
        assert (await client.delete(f"{path}/{WRITE_KEYS['web']}")).status_code == 404
        for key in keys:
            await client.post("/v1/track", json={"writeKey": key, "userId": "u", "event": "Which"})
        assert await calls_today(client, "agent-events") == 1

    async def test_have_no_write_keys_where_segment_fetches_the_data(self, client: httpx2.AsyncClient) -> None:
        refused = await client.post(f"/sources/{await source_id(client, 'stripe')}/writekey")
        assert refused.status_code == 422

    async def test_show_what_they_are_connected_to(self, client: httpx2.AsyncClient) -> None:
        path = f"/sources/{await source_id(client, 'backend')}"
        fed = data(await client.get(f"{path}/connected-destinations"))["destinations"]
        assert [each["metadata"]["slug"] for each in fed] == ["actions-webhook", "actions-mixpanel"]
        stored = data(await client.get(f"{path}/connected-warehouses"))["warehouses"]
        assert [each["metadata"]["slug"] for each in stored] == ["bigquery", "postgres"]
        plan = data(await client.get(path))["trackingPlanId"]
        assert data(await client.get(f"/tracking-plans/{plan}"))["trackingPlan"]["name"] == "Backend"
        settings = data(await client.get(f"{path}/settings"))["settings"]
        assert settings["track"]["allowUnplannedEvents"] is False


async def test_secrets_in_settings_come_back_masked(client: httpx2.AsyncClient) -> None:
    assert (await destination(client, "actions-webhook"))["settings"] == {"sharedSecret": "••••••••••"}


async def test_rules_are_draft_seven_schemas_of_whole_messages(client: httpx2.AsyncClient) -> None:
    for plan in data(await client.get("/tracking-plans", params={"type": "LIVE"}))["trackingPlans"]:
        for rule in data(await client.get(f"/tracking-plans/{plan['id']}/rules"))["rules"]:
            assert rule["jsonSchema"]["$schema"] == "http://json-schema.org/draft-07/schema#"
            assert set(rule["jsonSchema"]["properties"]) == {"context", "traits", "properties"}
    assert data(await client.get("/tracking-plans", params={"type": "ENGAGE"}))["trackingPlans"] == []


async def test_an_answer_has_the_version_that_was_asked_for(client: httpx2.AsyncClient) -> None:
    for accept, found in [
        ("*/*", "application/json"),
        ("application/vnd.segment.v1+json", "application/vnd.segment.v1+json"),
        ("application/json, application/vnd.segment.v1+json", "application/json"),
        ("text/html", "application/json"),
    ]:
        assert (await client.get("/", headers={"Accept": accept})).headers["Content-Type"] == found


class TestHistory:
    async def test_is_there_for_sources_that_were_active_and_for_no_other(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get(
            "/usage/api-calls/sources/daily", params={"period": PERIOD, "pagination.count": "1000"}
        )
        rows = data(answer)["dailyPerSourceAPICallsUsage"]
        active = {
            await source_id(client, slug)
            for slug in ("website", "ios-app", "backend", "android-app", "returns-service")
        }
        stopped = await source_id(client, "android-legacy")  # the newsletter stopped in the month before
        assert {row["sourceId"] for row in rows} == {*active, stopped}
        assert {row["sourceId"] for row in rows if row["timestamp"] == TODAY} == active
        assert all(int(row["apiCalls"]) > 0 for row in rows)
        workspace = data(await client.get("/usage/api-calls/daily", params={"period": PERIOD}))
        assert sum(int(row["apiCalls"]) for row in workspace["dailyWorkspaceAPICallsUsage"]) == sum(
            int(row["apiCalls"]) for row in rows
        )

    async def test_is_the_same_for_the_same_clock(self, client: httpx2.AsyncClient) -> None:
        answers = {
            (await client.get("/usage/api-calls/daily", params={"period": period})).text for period in (PERIOD, PERIOD)
        }
        assert len(answers) == 1
        future = await client.get("/usage/api-calls/daily", params={"period": "2027-01-01"})
        assert data(future)["dailyWorkspaceAPICallsUsage"] == []

    async def test_shows_deliveries_and_their_failures(self, client: httpx2.AsyncClient) -> None:
        found = await metrics(client, "actions-webhook", granularity="DAY")
        assert list(found) == [
            "successes",
            "expired",
            "discarded",
            "retried",
            "time_to_success",
            "time_to_first_attempt",
        ]
        assert {part["metricName"] for part in found["successes"]["breakdown"]} == {
            "successes_on_first_attempt",
            "successes_after_retry",
        }
        assert {part["metricName"] for part in found["time_to_success"]["breakdown"]} == {
            "time_to_success_average",
            "time_to_success_p95",
        }
        assert min(found[name]["total"] for name in ("successes", "expired", "discarded", "retried")) > 0
        recent = await metrics(client, "actions-webhook")
        assert 0 < recent["successes"]["total"] < found["successes"]["total"]

    async def test_has_no_deliveries_that_segments_servers_did_not_make(self, client: httpx2.AsyncClient) -> None:
        for slug in ("actions-commandbar", "actions-slack", "actions-customerio"):
            assert {metric["total"] for metric in (await metrics(client, slug)).values()} == {0}

    async def test_of_a_destination_is_asked_for_with_its_own_source(self, client: httpx2.AsyncClient) -> None:
        path = f"/destinations/{(await destination(client, 'actions-webhook'))['id']}/delivery-metrics"
        assert fields(await client.get(path)) == ["sourceId"]
        other = await client.get(path, params={"sourceId": await source_id(client, "website")})
        assert other.status_code == 404


@pytest.mark.parametrize("levels", [100, 900, 958, 1_000, 50_000])
async def test_a_body_too_deep_to_be_written_again_is_refused(client: httpx2.AsyncClient, levels: int) -> None:
    found = await source(client, "website")
    nested = '{"settings": {"a": ' + "[" * levels + "]" * levels + "}}"
    headers = {"Content-Type": "application/json"}
    answer = await client.patch(f"/sources/{found['id']}", content=nested, headers=headers)
    assert answer.status_code == 400
    assert (await client.get("/sources")).status_code == 200
