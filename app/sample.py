"""A look to try things with, for people who have none yet."""

import asyncio
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from auth.caller import Caller
from db.engine.statements import Writer
from db.looks import LookRow, LookView
from providers.local_disk.storage import MEDIA_PATH
from resolvers import looks
from resolvers.looks import NewLook, NewProduct

IMAGE = Path(__file__).parent / "sample_look.jpg"

SAMPLE = NewLook(
    title="Stone Essence",
    notes="Linen and wool in warm greys",
    generated_image_url=f"{MEDIA_PATH}/{IMAGE.name}",
    products=(
        NewProduct(name="Linen shirt", sku="LR-1001", designer="Atelier Nord", price=Decimal("129.00")),
        NewProduct(name="Pleated trousers", sku="LR-1002", designer="Atelier Nord", price=Decimal("189.00")),
        NewProduct(name="Wool scarf", sku="LR-1003", designer="Haus Linde", price=Decimal("79.50")),
    ),
)


async def sample_look(writer: Writer, caller: Caller, media_folder: Path) -> LookRow:
    """Return the caller's newest look, or a sample one that is made now."""
    page = await looks.listed(caller, LookView.MY_PRIVATE, None).page(writer, first=1)
    if page.rows:
        return page.rows[0]
    # A name of its own, of those that the storage keeps: so videos can be made from it, and it goes with its look.
    name = f"sample-{uuid4()}{IMAGE.suffix}"
    await asyncio.to_thread(_publish_image, media_folder / name)
    return await looks.create(writer, caller, replace(SAMPLE, generated_image_url=f"{MEDIA_PATH}/{name}"))


def _publish_image(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(IMAGE, target)
