"""How well complaints are routed, over REST: misroutes by agency, function and model."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter

from api.learning import period
from api.problems import Problem
from api.rest.complaints import ERRORS, Caller, Here
from api.rest.schemas import AgencyTally, FunctionTally, Misroutes, ModelOut, ModelTally
from store import learning
from store.learning import Tally

router = APIRouter(prefix="/api/v1", responses=ERRORS, tags=["learning"])


@router.get("/misroutes")
async def misroutes(house: Here, _caller: Caller, since: date | None = None, until: date | None = None) -> Misroutes:
    """How often the first agency was the wrong one, for complaints filed from the day `since` to the day `until`.

    Each complaint counts once, by its first agency and the one that a person named last.
    """
    try:
        begin, end = period(since, until, house.zone(None))
    except ValueError as error:
        raise Problem(422, str(error)) from None
    async with house.engine.connect() as connection:
        found = await learning.misroutes(connection, begin, end)
        registered = await learning.models(connection)
    pairs = learning.summed(found, lambda given: (given.agency, given.function))
    return Misroutes(
        since=since,
        until=until,
        agencies=[
            AgencyTally(
                code=code,
                name=house.directory.names.get(code) if code else None,
                functions=[
                    FunctionTally(function=function, **_figures(part))
                    for (agency, function), part in pairs.items()
                    if agency == code
                ],
                **_figures(tally),
            )
            for code, tally in learning.summed(found, lambda given: given.agency).items()
        ],
        models=[
            ModelTally(
                version=version,
                registered=ModelOut.model_validate(registered[version], from_attributes=True)
                if version in registered
                else None,
                **_figures(tally),
            )
            for version, tally in learning.summed(found, lambda given: given.model).items()
        ],
    )


def _figures(tally: Tally) -> dict[str, Any]:
    return {**asdict(tally), "rate": tally.rate}
