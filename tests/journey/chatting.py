"""Somebody in a chat, on whatever channel: says things, taps what is offered, reads what comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from journey.looking import all_said, rows, settled
from peers import cloud_api
from peers.bot_api import Citizen, FakeBotApi, Sent
from persons import WebPerson, at_the_page
from running import Running

from api.transcripts import Said, Turn

# Whatever a citizen who has nothing to add answers, the first that is offered.
IN_A_HURRY = (":report", ":pengaduan", ":together", ":skip", ":none", ":new", ":open", ":send")


class Chat:
    """One chat of a citizen. What comes is read message by message, and buttons stay where they were seen."""

    def __init__(self, running: Running, channel: str, user: str) -> None:
        self.running, self.channel, self.user = running, channel, user
        self.last = Said()
        self.heard: list[str] = []
        self._shown: dict[str, str] = {}

    async def say(self, words: str) -> str:
        """Write something; returns the answer."""
        await self._send(words)
        return await self.read()

    async def tap(self, label: str) -> str:
        """Tap the newest button of that label; returns the answer."""
        await self._tap(self._shown[label], label)
        return await self.read()

    async def press(self, ending: str) -> str:
        """Tap the button of the last message whose choice ends so; returns the answer."""
        [label] = [label for label, choice in self.last.buttons.items() if choice.endswith(ending)]
        return await self.tap(label)

    async def photo(self, caption: str = "") -> str:
        """Send a photo; returns the answer."""
        await self._photo(caption)
        return await self.read()

    async def read(self) -> str:
        """The next message, as soon as it is there."""
        self.last = await self._next()
        self.heard.append(self.last.text)
        self._shown |= self.last.buttons
        return self.last.text

    @property
    def buttons(self) -> list[str]:
        """The labels below the last message."""
        return list(self.last.buttons)

    async def report(self, words: str, *, until: str = ":send") -> str:
        """Tell a problem and tap on in a hurry until a button of that ending was tapped; returns the last answer."""
        said = await self.say(words)
        while True:
            offered = self.last.buttons
            found = next(
                (label for ending in IN_A_HURRY for label, choice in offered.items() if choice.endswith(ending)), None
            )
            assert found is not None, said
            choice = offered[found]
            said = await self.tap(found)
            if choice.endswith(until):
                return said

    async def filed(self) -> list[str]:
        """The tickets that are this citizen's, oldest first."""
        found = await rows(
            self.running.house,
            "SELECT k.ticket FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id AND p.role = 'pelapor'"
            " JOIN contacts c ON c.id = p.contact_id WHERE c.channel = :channel AND c.address = :user ORDER BY k.id",
            channel=self.channel,
            user=self.user,
        )
        return [row.ticket for row in found]

    async def _send(self, words: str) -> None:
        raise NotImplementedError

    async def _tap(self, choice: str, label: str) -> None:
        raise NotImplementedError

    async def _photo(self, caption: str) -> None:
        raise NotImplementedError

    async def _next(self) -> Said:
        raise NotImplementedError


class TelegramChat(Chat):
    """A chat on Telegram, whose messages can be answered one by one."""

    def __init__(self, running: Running, citizen: Citizen) -> None:
        super().__init__(running, "telegram", str(citizen.chat_id))
        self.citizen = citizen
        self.read_last: Sent | None = None

    async def answer(self, message: Sent, words: str) -> str:
        """Write something as an answer to a message of the bot; returns what comes then."""
        await all_said(self.running.house, self.citizen)  # and is written down as said: nobody answers faster
        await self.citizen.api.deliver(self.citizen.text(words, reply_to=message))
        return await self.read()

    async def _send(self, words: str) -> None:
        await self.citizen.say(words)

    async def _tap(self, choice: str, label: str) -> None:
        await self.citizen.api.deliver(self.citizen.tap(choice))

    async def _photo(self, caption: str) -> None:
        await self.citizen.api.deliver(self.citizen.photo(caption or None))

    async def _next(self) -> Said:
        self.read_last = sent = await self.citizen.reply(10)
        return Said(sent.text, dict(sent.buttons))


class WhatsappChat(Chat):
    """A chat on WhatsApp, where what is said at once may come in several messages."""

    def __init__(self, running: Running, citizen: cloud_api.Citizen) -> None:
        super().__init__(running, "whatsapp", citizen.ids[-1])
        self.citizen = citizen
        self._count = 0

    async def post(self, *changes: cloud_api.Change) -> str:
        """Post these messages together; returns the answer."""
        await self.citizen.api.post(list(changes))
        return await self.read()

    async def quiet(self) -> list[cloud_api.Sent]:
        """All that was sent to this citizen, once nothing more is due."""
        await settled(self.running.house, self.user, 20)
        return self.citizen.api.sent(self.citizen)

    async def _send(self, words: str) -> None:
        await self.citizen.say(words)

    async def _tap(self, choice: str, label: str) -> None:
        await self.citizen.api.post(self.citizen.choose(choice))

    async def _photo(self, caption: str) -> None:
        await self.citizen.api.post(self.citizen.image(caption or None))

    async def _next(self) -> Said:
        await self.citizen.api.wait_for_sent(self.citizen, self._count + 1, 20)
        new = (await self.quiet())[self._count :]
        self._count += len(new)
        buttons = {label: choice for each in new for label, choice in each.buttons}
        return Said("\n\n".join(each.text for each in new), buttons)


class WebChat(Chat):
    """A chat on the web page."""

    def __init__(self, running: Running, person: WebPerson) -> None:
        super().__init__(running, "webchat", person.address.user)
        self._person = person
        self._count = 0

    async def _send(self, words: str) -> None:
        await self._do("citizen", words)

    async def _tap(self, choice: str, label: str) -> None:
        await self._do("tap", label, choice)

    async def _photo(self, caption: str) -> None:
        await self._do("photo", caption)

    async def _do(self, action: str, what: Any, choice: str | None = None) -> None:
        await self._person.do(Turn(0, action, what), choice)

    async def _next(self) -> Said:
        self._count += 1
        return await self._person.hear(self._count)


def on_telegram(running: Running, api: FakeBotApi, chat_id: int, name: str = "Siti Aminah") -> TelegramChat:
    """Somebody with Telegram."""
    return TelegramChat(running, api.citizen(chat_id, name))


def on_whatsapp(
    running: Running,
    api: cloud_api.FakeCloudApi,
    number: str | None,
    user_id: str | None = None,
    name: str = "Siti Aminah",
) -> WhatsappChat:
    """Somebody with WhatsApp."""
    return WhatsappChat(running, api.citizen(number, user_id, name))


@asynccontextmanager
async def on_the_web(running: Running) -> AsyncIterator[WebChat]:
    """Somebody at the chat page."""
    async with at_the_page(running.address) as person:
        yield WebChat(running, person)


class Office:
    """An officer's side of the REST API."""

    def __init__(self, running: Running) -> None:
        self._api = running.api

    async def see(self, ticket: str) -> dict[str, Any]:
        """The complaint as the officer sees it."""
        return await self._found(await self._api.get(f"/complaints/{ticket}"))

    async def move(self, ticket: str, status: str, **body: Any) -> dict[str, Any]:
        """Give it another status."""
        return await self._found(await self._api.post(f"/complaints/{ticket}/moves", json={"status": status, **body}))

    async def answer(self, ticket: str, words: str) -> dict[str, Any]:
        """Answer the citizen."""
        return await self.move(ticket, "Ditindaklanjuti oleh Instansi", note=words)

    async def ask(self, ticket: str, words: str) -> dict[str, Any]:
        """Ask the citizen for more."""
        return await self.move(ticket, "Menunggu Kelengkapan Informasi", note=words)

    async def deny(self, ticket: str, reason: str) -> dict[str, Any]:
        """Say that it is the wrong office."""
        return await self._found(await self._api.post(f"/complaints/{ticket}/deny", json={"reason": reason}))

    async def attention(self) -> list[dict[str, Any]]:
        """What waits for a person, the first thing first."""
        found: list[dict[str, Any]] = (await self._found(await self._api.get("/attention")))["items"]
        return found

    async def misroutes(self, **query: Any) -> dict[str, Any]:
        """How often the first agency was the wrong one."""
        return await self._found(await self._api.get("/misroutes", params=query))

    async def _found(self, answer: Any) -> dict[str, Any]:
        assert answer.is_success, answer.text
        body: dict[str, Any] = answer.json()
        return body
