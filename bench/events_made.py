"""The events that are sent, and what all senders agree on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

WRITE_KEY = "key-of-the-benchmark"
CONNECTIONS = 8
"""The importer's default."""
POOL = 10_000
"""Events that are sent over and over by what sends from memory."""


def events(count: int) -> Iterator[dict[str, Any]]:
    """Events of a shop; one in ten is an identify."""
    for number in range(count):
        user = number * 7919 % 4001
        page = number % 977
        common = {
            "messageId": str(uuid4()),
            "userId": f"user-{user:05}",
            "timestamp": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T08:{number % 60:02}:{number % 59:02}.000Z",
            "context": {
                "ip": f"203.0.113.{user % 256}",
                "locale": "de-AT",
                "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Version/18.1 Safari",
                "page": {"path": f"/shop/{page}", "title": "Käse & Brot", "url": f"https://shop.example/shop/{page}"},
                "campaign": {"name": "autumn", "source": "newsletter", "medium": "email"},
            },
        }
        if number % 10 == 0:
            address = {"city": "Köln", "country": "DE", "postalCode": f"{user + 50000}", "street": "Am Markt 7"}
            traits = {"name": f"Zoë {user}", "email": f"zoe.{user}@shop.example", "plan": "pro", "address": address}
            yield {"type": "identify", **common, "traits": {**traits, "logins": user % 97, "about": "x" * 300}}
        else:
            products = [
                {
                    "product_id": f"p-{number % 503 + item}",
                    "name": "Bergkäse",
                    "category": "cheese",
                    "price": 12.5 + item,
                    "quantity": 1 + item,
                    "url": f"https://shop.example/shop/{page + item}",
                }
                for item in range(3)
            ]
            order = {"order_id": f"o-{number}", "total": number % 9973 / 100, "currency": "EUR", "coupon": None}
            shipping = {"method": "bicycle", "express": number % 3 == 0, "days": number % 5, "cost": 4.9}
            properties = {**order, "products": products, "shipping": shipping, "affiliation": "shop.example"}
            yield {"type": "track", "event": "Order Completed", **common, "properties": properties}


def write(file: Path, count: int) -> Path:
    with file.open("wb") as lines:
        lines.writelines(orjson.dumps(event) + b"\n" for event in events(count))
    return file
