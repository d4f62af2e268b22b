"""The central complaint store, by noun."""
