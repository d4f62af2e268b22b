"""The door to master data: what this officer may look after."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from desk.access import HouseRule, shell_of
from desk.rendering import page
from store import channels, subscriptions

router = APIRouter(prefix="/data")

# What stands on the page, in order, for those who may open it: verb, address, key of its name and sentence.
SHELVES = (
    ("data.edit", "/desk/data/induk/instansi/list", "instansi"),
    ("data.edit", "/desk/data/induk/wilayah/list", "wilayah"),
    ("data.edit", "/desk/data/induk/kategori/list", "kategori"),
    ("data.edit", "/desk/data/induk/hari-libur/list", "hari-libur"),
    ("data.edit", "/desk/data/induk/aturan-waktu/list", "aturan-waktu"),
    ("templates.edit", "/desk/data/induk/templat/list", "templat"),
    ("standards.edit", "/desk/standar", "standar"),
    ("staff.edit", "/desk/data/staf", "staf"),
    ("channels.read", "/desk/data/saluran", "saluran"),
    ("bridges.edit", "/desk/data/jalur", "jalur"),
    ("bridges.edit", "/desk/data/webhook", "webhook"),
    ("external.import", "/desk/sp4n/impor", "ringkas"),
    ("external.read", "/desk/sp4n/luar", "luar"),
    ("handover.open", "/desk/surel", "surel"),
    ("data.edit", "/desk/data/impor", "impor"),
    ("data.open", "/desk/data/ekspor", "ekspor"),
)


@router.get("", dependencies=[Depends(HouseRule("data.open"))])
async def overview(request: Request) -> Response:
    """What there is; beside the channels and the webhooks, how many of them are in trouble."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        known = await channels.health(connection)
        failing = await subscriptions.failing(connection)
    ailing = sum(name in known and known[name].ails is not None for name in shell.settings.channels)
    return page(request, "data.html", shelves=SHELVES, ailing={"saluran": ailing, "webhook": failing})
