"""What the OpenAPI document promises is what the API does: schemathesis asks it, rightly and wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import schemathesis
from conftest import API_KEY
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from making import rows, run
from running import web as serving
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api.house import House
from api.settings import Settings

# Of each operation, in each mode.
EXAMPLES = 15
QUIET = examples(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    database=None,
)
HEADERS = {"X-API-Key": API_KEY}
# Which regions, statuses, agencies and days there are is not in a schema, and space around words is taken off before
# they are measured: neither is every request refused that a schema does not allow, nor every one accepted that it does.
BEYOND_THE_SCHEMA = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture
async def running(settings: Settings, database: str) -> AsyncIterator[tuple[str, House]]:
    """The web process over real HTTP: its address and its house."""
    async with serving(settings, database) as (address, house):
        yield address, house


async def some_reports(address: str, house: House) -> list[str]:
    """Reports of several kinds, one of them with a stored file, one with a call for a human."""
    tickets = []
    async with httpx.AsyncClient(base_url=f"{address}/api/v1", headers=HEADERS) as client:
        for text, more in (
            ("Jalan rusak di Sekayu, NIK saya 1671010101010001", {"name": "Budi"}),
            ("Lampu jalan mati di Palembang", {"anonymous": True, "secret": True}),
            ("Kapan KTP saya selesai?", {}),
        ):
            answer = await client.post("/complaints", json={"text": text, **more})
            tickets.append(str(answer.json()["ticket"]))
    digest = house.shelf.put(b"%PDF-1.4\n%%EOF")
    await run(
        house.engine,
        """
        INSERT INTO media (complaint_id, kind, channel, provider_id, content_type, size, sha256, state)
        SELECT id, 'document', 'telegram', 'x', 'application/pdf', 14, :digest, 'stored' FROM complaints
        """,
        digest=digest,
    )
    await run(house.engine, "INSERT INTO contacts (channel, address) VALUES ('telegram', '7')")
    for _ in range(200):
        await run(house.engine, "INSERT INTO attention (kind, contact_id) SELECT 'human', id FROM contacts")
    return tickets


def probe(address: str, known: dict[str, list[str]]) -> tuple[int, list[str]]:
    """Ask every operation in both modes and check every answer: how many requests there were, and the problems."""
    # What is not ready says so with a 503, which is no defect.
    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json").exclude(path="/readyz")
    asked, problems = 0, list[str]()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
            @QUIET
            def answers_as_documented(case: Any, data: st.DataObject) -> None:
                nonlocal asked
                asked += 1
                for name, values in known.items():
                    # Most requests are about something that exists.
                    if name in (case.path_parameters or {}) and (value := data.draw(st.sampled_from(values))):
                        case.path_parameters[name] = value
                response = case.call(headers=HEADERS)
                case.validate_response(response, headers=HEADERS, excluded_checks=BEYOND_THE_SCHEMA)

            try:
                answers_as_documented()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE  # there is nothing that could be wrong in it
            except (Exception, BaseExceptionGroup) as problem:
                problems.append(f"{operation.label}, {mode.value}: {problem}")
    return asked, problems


async def test_the_api_does_what_its_document_says(running: tuple[str, House]) -> None:
    address, house = running
    tickets = await some_reports(address, house)
    files = [str(row.id) for row in await rows(house.engine, "SELECT id FROM media")]
    matters = [str(row.id) for row in await rows(house.engine, "SELECT id FROM attention LIMIT 50")]
    # "" leaves what schemathesis has made up.
    known = {"ticket": [*tickets, ""], "file_id": [*files, ""], "matter": [*matters, ""]}
    known |= {"number": [*tickets, ""], "token": [*tickets, ""]}
    asked, problems = await asyncio.to_thread(probe, address, known)
    print(f"\n{asked} requests")
    if problems:
        pytest.fail("\n\n".join(problems))
    assert asked > 300
