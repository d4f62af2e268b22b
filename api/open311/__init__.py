"""Our Open311 GeoReport v2 server: other channels file reports here and follow them (docs/open311.md)."""

from api.open311.routes import routes

__all__ = ["routes"]
