"""Labels: those that go, and the sources that carried them."""

import httpx2
import pytest

from tests.sandbox.api.asking import data, trail
from tests.sandbox.world import source


@pytest.mark.parametrize("label", ["environment/staging", "prod/environment", "environment%3Aprod/x"])
async def test_a_label_that_does_not_exist_is_404(client: httpx2.AsyncClient, label: str) -> None:
    assert (await client.delete(f"/labels/{label}")).status_code == 404
    assert len(data(await client.get("/labels"))["labels"]) == 4


async def test_a_deleted_label_is_gone_from_its_sources(client: httpx2.AsyncClient) -> None:
    assert data(await client.delete("/labels/environment/prod")) == {"status": "SUCCESS"}
    assert (await client.delete("/labels/environment/prod")).status_code == 404
    assert len(data(await client.get("/labels"))["labels"]) == 3
    assert (await source(client, "website"))["labels"] == [{"key": "team", "value": "growth"}]
    assert await trail(client) == [("Label Deleted", "label", "environment:prod")]


async def test_a_label_is_found_by_the_very_text_that_it_has(client: httpx2.AsyncClient) -> None:
    odd = {"key": "b c", "value": "50%"}
    assert data(await client.post("/labels", json={"label": {**odd, "color": "red"}})) == {"label": odd}
    assert data(await client.delete("/labels/b%20c/50%25")) == {"status": "SUCCESS"}
    assert [event[0] for event in await trail(client)] == ["Label Created", "Label Deleted"]
