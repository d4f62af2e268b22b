"""The addresses of GeoReport v2 under /open311/v2, each with .json and .xml."""

# Without `annotations` of the future: FastAPI would look for the two dependencies inside `routes` where they are not.
import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api.house import House
from api.open311 import filing, forms, jurisdictions, queries, views
from api.open311.answers import Form, Refusal, answer, form_of, refused
from api.open311.services import ATTRIBUTES, Catalogue, Latest, definition, listed
from api.open311.words import say
from api.problems import Problem
from store import published, tickets
from store.database import is_down
from store.published import Published, Wanted

PATH = "/open311/v2"
# What of this server a client may keep; another when an answer has other fields.
CHANGESET = "2026-11-22T00:00:00Z"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
LONGEST = 5000


class Route(APIRoute):
    """A route whose errors are the standard's, in the form that was asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors as answers."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            form = form_of(request.url.path)
            if request.path_params.get("form", form) not in set(Form):
                return refused(form, Refusal(404, "path"))
            try:
                return await handle(request)
            except Refusal as refusal:
                return refused(form, refusal)
            except RequestValidationError as problem:
                return refused(form, _misread(problem))
            except Problem as problem:
                # The app's guard of bodies, who speaks while we read one.
                return refused(form, Refusal(413, "too_large")) if problem.status == 413 else _raise(problem)
            except Exception as problem:
                if not is_down(problem):
                    raise
                return refused(form, Refusal(503, "down"), {"Retry-After": "5"})

        return handled


def _raise(problem: Exception) -> Response:
    raise problem


def _misread(problem: RequestValidationError) -> Refusal:
    """The first parameter that is not what the document says; what it holds is not repeated."""
    where, name = problem.errors()[0]["loc"][:2]
    return Refusal(404, "path") if where == "path" else Refusal(400, "unreadable", field=name)


# --- what the document says ------------------------------------------------------------------------------

_LIST = {
    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    "text/xml": {},
}
_ONE = {"application/json": {"schema": {"type": "object"}}, "text/xml": {}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": _LIST}
    for status, description in {
        400: "A parameter is missing or cannot be read",
        404: "No such jurisdiction, service, request or address",
        503: "The store cannot be reached",
    }.items()
}
_GUARDED: dict[int | str, dict[str, Any]] = {403: {"description": "The key is missing or not known", "content": _LIST}}
_TOO_LARGE: dict[int | str, dict[str, Any]] = {413: {"description": "More than 1 MB", "content": _LIST}}


def _answers(content: Any, description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": content}}


_FIELDS = {
    "api_key": "Needed, here or as X-API-Key",
    "jurisdiction_id": "A Kemendagri code such as 16.71, or a name such as kota-palembang",
    "service_code": "One of the services",
    "description": "What is wrong, in the citizen's words",
    "lat": "Degrees, WGS 84, with `long`",
    "long": "Degrees, WGS 84",
    "address_string": "Where it is, in words",
    "address_id": "A Kemendagri code, down to the village",
    "first_name": "Of the citizen",
    "last_name": "Of the citizen",
    "email": "Not kept",
    "phone": "Not kept",
    "device_id": "Not kept",
    "account_id": "Not kept",
    "media_url": "Kept as a link, and never asked for",
}
_FORM = {
    "type": "object",
    "required": ["service_code", "description"],
    "properties": {
        **{name: {"type": "string", "description": description} for name, description in _FIELDS.items()},
        **{f"attribute[{each['code']}]": {"type": "string", "description": each["description"]} for each in ATTRIBUTES},
    },
}
_BODY = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}}

Jurisdiction = Annotated[str | None, Query(max_length=100, description=_FIELDS["jurisdiction_id"])]
Few = Annotated[str | None, Query(max_length=LONGEST, description="Several, separated by commas")]
Moment = Annotated[str | None, Query(max_length=40, description="W3C, such as 2026-11-22T08:30:00+07:00")]
Number = Annotated[str | None, Query(max_length=200)]
QueryKey = Annotated[str | None, Query(alias="api_key", max_length=500, description="Better: X-API-Key")]
HeaderKey = Annotated[str | None, Header(alias="X-API-Key", max_length=500)]


# --- the routes ------------------------------------------------------------------------------------------


def routes(house: Callable[[], House]) -> APIRouter:
    """The server, to be included in the app."""
    router = APIRouter(prefix=PATH, tags=["open311"], route_class=Route, responses=_ERRORS)
    latest = Latest()
    # Long lists are written one after the other: it is all work of the processor, and citizens are being answered.
    writing = asyncio.Lock()

    def region(jurisdiction_id: Jurisdiction = None) -> str | None:
        """The code of the jurisdiction."""
        return jurisdictions.chosen(house(), jurisdiction_id)

    def reader(query: QueryKey = None, header: HeaderKey = None) -> str | None:
        """The client that asks to read; None for anybody, where anybody may."""
        key = header or query
        if key:
            return _client(house(), key)
        if not house().settings.open311_public:
            raise Refusal(403, "key_missing")
        return None

    Region = Annotated[str | None, Depends(region)]  # noqa: N806
    Reads = Annotated[str | None, Depends(reader)]  # noqa: N806

    @router.get("/discovery.{form}", response_class=Response, responses=_answers(_ONE, "Where this server is"))
    async def discover(form: Form) -> Response:
        """Where this server is, and what it speaks."""
        return answer(form, "discovery", _discovery(house()))

    @router.get("/services.{form}", response_class=Response, responses=_answers(_LIST, "The services"))
    async def list_services(form: Form, _region: Region) -> Response:
        """What can be reported: the categories of SP4N-LAPOR! that are in force. All jurisdictions have the same."""
        known = await latest.of(house())
        # Eight hundred of them take a moment, in which citizens should not wait.
        return await asyncio.to_thread(lambda: answer(form, "services", [*map(listed, known.services.values())]))

    @router.get("/services/{code}.{form}", response_class=Response, responses=_answers(_ONE, "Its attributes"))
    async def define(form: Form, code: str, _region: Region) -> Response:
        """What a service asks beside the standard's own fields."""
        service = (await latest.of(house())).services.get(code)
        if service is None:
            raise Refusal(404, "service_code")
        return answer(form, "service_definition", definition(service))

    @router.get("/requests.{form}", response_class=Response, responses=_answers(_LIST, "The requests") | _GUARDED)
    async def list_requests(
        form: Form,
        reads: Reads,
        within: Region,
        service_request_id: Few = None,
        service_code: Few = None,
        start_date: Moment = None,
        end_date: Moment = None,
        status: Annotated[str | None, Query(max_length=100, description="open, closed, or both")] = None,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=queries.MOST)] = queries.MOST,
        lat: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)] = None,
        long: Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)] = None,
        radius: Annotated[float | None, Query(gt=0, le=100_000, allow_inf_nan=False, description="Metres")] = None,
    ) -> Response:
        """Requests, newest first: of the last 90 days unless other days are named."""
        known = await latest.of(house())
        if numbers := queries.listed("service_request_id", service_request_id):
            wanted = queries.by_tickets(numbers)
        else:
            since, until = queries.span(start_date, end_date, house().zone(within), house().now())
            circle = queries.circle(lat, long, radius)
            wanted = Wanted(since=since, until=until, region=within, ended=queries.ended(status), circle=circle)
            wanted = queries.of_services(wanted, queries.listed("service_code", service_code), known)
        async with writing:
            content = await _requests(house(), reads, wanted, known, most=page_size, skip=(page - 1) * page_size)
            return await asyncio.to_thread(answer, form, "service_requests", content)

    @router.post(
        "/requests.{form}",
        response_class=Response,
        responses=_answers(_LIST, "Filed, or filed before") | _GUARDED | _TOO_LARGE,
        openapi_extra=_BODY,
    )
    async def file(form: Form, request: Request, header: HeaderKey = None) -> Response:
        """File a request. The same content from the same client within a day is the same request."""
        here = house()
        given = await forms.fields(request)
        key = header or forms.one(given, "api_key", 500)
        client = _client(here, key)
        within = jurisdictions.chosen(here, forms.one(given, "jurisdiction_id"))
        asked = forms.read(given, here.zone(within), here.today(within))
        filed = await filing.file(here, asked, await latest.of(here), within, client, key)
        return answer(form, "service_requests", [filed])

    @router.get("/requests/{number}.{form}", response_class=Response, responses=_answers(_LIST, "It alone") | _GUARDED)
    async def read_request(form: Form, number: str, reads: Reads, _region: Region) -> Response:
        """How far a request is."""
        content = await _requests(house(), reads, queries.by_tickets([number]), await latest.of(house()), most=1)
        if not content:
            raise Refusal(404, "request")
        return answer(form, "service_requests", content)

    @router.get("/tokens/{token}.{form}", response_class=Response, responses=_answers(_LIST, "Its number") | _GUARDED)
    async def read_token(form: Form, token: str, reads: Reads, _region: Region) -> Response:
        """The number of a request. We give it at once, and no token: the number is its own."""
        async with house().engine.connect() as connection:
            found = await published.read(connection, reads, queries.by_tickets([token]), most=1)
        if not found:
            raise Refusal(404, "token")
        return answer(form, "service_requests", [{"service_request_id": found[0].ticket, "token": tickets.read(token)}])

    # What matches nothing above has an error of the standard's too. The methods that there are, but for CONNECT.
    @router.api_route(
        "/{rest:path}",
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"],
        include_in_schema=False,
    )
    async def nowhere(rest: str) -> Response:
        """No address of ours, or not with this method."""
        form = form_of(rest)
        if (allowed := _allowed(rest)) is None:
            return refused(form, Refusal(404, "path"))
        return refused(form, Refusal(405, "method"), {"Allow": allowed})

    return router


_KNOWN = re.compile(r"(?:discovery|services|requests|(?:services|requests|tokens)/[^/]+)\.(?:json|xml)")


def _allowed(rest: str) -> str | None:
    """The methods of an address, None where there is nothing."""
    if not _KNOWN.fullmatch(rest):
        return None
    return "GET, POST" if rest.startswith("requests.") else "GET"


def _client(house: House, key: str) -> str:
    """The name that a key stands for. Raises `Refusal` (403)."""
    if not key:
        raise Refusal(403, "key_missing")
    name = house.settings.open311_client_of(key)
    if name is None:
        raise Refusal(403, "key_wrong")
    return name


def _discovery(house: House) -> dict[str, Any]:
    url = house.settings.public_url
    return {
        "changeset": CHANGESET,
        "contact": say("server", "contact", url=url),
        "key_service": say("server", "key_service"),
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": f"{url}{PATH}",
                "changeset": CHANGESET,
                "type": "production",
                "formats": ["application/json", "text/xml"],
            }
        ],
    }


async def _requests(
    house: House, client: str | None, wanted: Wanted, known: Catalogue, *, most: int, skip: int = 0
) -> list[dict[str, Any]]:
    """The requests that are wanted, as the standard writes them."""
    async with house.engine.connect() as connection:
        found = await published.read(connection, client, wanted, most=most, skip=skip)
    # Looking for personal data in a thousand texts takes a moment, in which citizens should not wait.
    return await asyncio.to_thread(_written, house, known, found)


def _written(house: House, known: Catalogue, found: list[Published]) -> list[dict[str, Any]]:
    return [views.request(house, known, each) for each in found]
