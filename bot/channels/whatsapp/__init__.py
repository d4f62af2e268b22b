"""WhatsApp, over Meta's Cloud API: what comes in (`reading`), what goes out (`writing`, `client`), what goes wrong
(`errors`), and the words that Meta approves beforehand (`templates`). Why it is so: docs/decisions/0012.
"""

from datetime import timedelta

NAME = "whatsapp"
WINDOW = timedelta(hours=24)  # in which we may answer a person in our own words

from bot.channels.whatsapp.client import WhatsApp  # noqa: E402 (the modules below read the name from here)

__all__ = ["NAME", "WINDOW", "WhatsApp"]
