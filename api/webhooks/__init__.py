"""The doors through which providers deliver messages."""
