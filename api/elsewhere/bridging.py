"""The bridge of a connection: which module of bridges/ speaks for which kind."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from api.elsewhere.postbox import server_of
from bridges.contract import Bridge, Refused
from bridges.mail import Mail
from bridges.open311 import Open311
from bridges.sp4n_api import Sp4nApi
from bridges.wire import Limits
from store import ways
from store.references import Reference
from store.ways import Connection

if TYPE_CHECKING:
    from api.house import House

# The kinds that tell how far a report is. What comes by e-mail comes by itself (api/elsewhere/mailing.py).
FOLLOWED = (ways.API, ways.OPEN311)
_MOST_SECONDS = 120


def open_bridge(
    house: House, connection: Connection, reference: Reference | None
) -> AbstractAsyncContextManager[Bridge]:
    """The bridge of a connection, to be entered before it is used; the reference says whose mailbox, where a connection
    reaches many. Nothing is sent by opening it.

    Raises `Refused` where the connection lacks what it needs, or no machine works it.
    """
    if connection.disabled:
        raise Refused("no_connection")
    match connection.kind:
        case ways.API:
            return Sp4nApi(connection.url or "", connection.secret or "", limits=_limits(connection))
        case ways.OPEN311:
            return Open311(
                connection.url or "", connection.secret or "", connection.parameters, limits=_limits(connection)
            )
        case ways.EMAIL:
            server = server_of(house.settings)
            if server is None:
                raise Refused("no_connection")
            office = house.directory.names.get(reference.agency or "", "") if reference else ""
            return Mail(server, (reference.address if reference else None) or "", office=office)
    raise Refused("not_offered")


def _limits(connection: Connection) -> Limits:
    """How patient we are there: `timeout_seconds` among the parameters, up to two minutes; else as with everybody."""
    asked = connection.parameters.get("timeout_seconds")
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not 0 < asked <= _MOST_SECONDS:
        return Limits()
    return Limits(total=float(asked))
