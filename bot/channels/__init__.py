"""Thin translators between a platform's payloads and `bot.messages`."""
