"""The terminal as a channel: for trying the conversation out, and for reading it as a citizen would."""

from __future__ import annotations

from bot.messages import Address, Incoming, Outgoing, Sent, Undeliverable, clean

NAME = "terminal"


class Terminal:
    """Prints what is said; a numbered button is tapped by typing its number."""

    name = NAME

    def __init__(self) -> None:
        self._choices: tuple[str, ...] = ()

    def read(self, line: str, user: str, number: int) -> Incoming:
        """A typed line as a message; the number of an offered button as a tap on it."""
        message_id = f"{user}:{number}"
        if line.strip().isdigit() and 1 <= int(line) <= len(self._choices):
            return Incoming(Address(NAME, user), message_id, number, choice=self._choices[int(line) - 1])
        return Incoming(Address(NAME, user), message_id, number, text=clean(line))

    async def send(self, message: Outgoing) -> Sent:
        """Print a message and its numbered choices."""
        self._choices = tuple(button.choice for button in message.buttons)
        offers = [f"  [{number}] {button.label}" for number, button in enumerate(message.buttons, 1)]
        print("\n" + "\n".join([message.text, *offers]) + "\n", flush=True)
        return Sent()

    async def fetch(self, provider_id: str) -> bytes:
        """There are no files in a terminal."""
        raise Undeliverable("no_such_file", gone=False)
