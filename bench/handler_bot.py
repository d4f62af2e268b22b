"""What people would write instead: a `ConversationHandler` bot with its state in memory, and SQLAlchemy at the end.

`python -m bench.handler_bot` asks what the channel under test asks, in the same words. Updates come
in as in python-telegram-bot's own example of a custom webhook (Starlette, uvicorn, the update queue), and
are handled one after the other, since ConversationHandler does not support `concurrent_updates`. With
`--at-once` every request handles its own update: it shows why that is so, for a citizen who answers before the
handler has returned is answered in the old state, and conversations go astray.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import secrets
from datetime import datetime
from typing import Any

import uvicorn
from sqlalchemy import DateTime, func
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.ext import (
    Application,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    filters,
)

from bot.texts import speak
from store.database import sqlalchemy_url

PATH = "/telegram"
PHOTOS, PRIVACY, CONFIRM = range(3)

GREETING = f"{speak('greeting_short')}\n\n{speak('privacy_notice')}\n\n"
ASK_PHOTOS, ASK_PRIVACY = speak("ask.photos"), speak("ask.privacy")
SUMMARY = f"""Ini ringkasan laporan Anda.

Jenis: Pengaduan (keluhan tentang layanan)
Isi: {{story}}
Tempat: Sekayu
Waktu: belum diketahui
Foto atau berkas: {{photos}}
Nama Anda: {{privacy}}
Isi laporan: bisa dibaca umum
Usul tujuan: Dinas Kominfo (dipastikan petugas)

{speak("ask.confirm")}"""
FILED = "\n\n".join(
    (
        "Tercatat. Nomor laporan Anda:\n{ticket}",
        speak("receipt", {"code": "{code}", "link": "https://kanal.example/periksa"}),
        speak("filed_next"),
    )
)


class Base(DeclarativeBase):
    """The bot's own tables."""


class Report(Base):
    """A complaint."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str]
    story: Mapped[str]
    photos: Mapped[str]
    code: Mapped[str]
    privacy: Mapped[str]
    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def _buttons(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=label.lower()[:60])] for label in labels])


def _message(update: Update) -> Message:
    assert update.message is not None
    return update.message


def _draft(context: ContextTypes.DEFAULT_TYPE) -> dict[str, Any]:
    assert context.user_data is not None
    return context.user_data


class Bot:
    """The conversation's handlers, and the session that keeps what it made."""

    def __init__(self, session: async_sessionmaker[AsyncSession]) -> None:
        self._session = session

    async def told(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        """The complaint itself."""
        draft = _draft(context)
        draft["story"] = _message(update).text or ""
        greeting = "" if draft.get("greeted") else GREETING
        draft["greeted"] = True
        await _message(update).reply_text(greeting + ASK_PHOTOS, reply_markup=_buttons("Tidak ada foto"))
        return PHOTOS

    async def photos(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        """Any photos?"""
        _draft(context)["photos"] = _message(update).text or ""
        choices = _buttons("Tanpa keduanya", "Anonim", "Rahasia", "Anonim dan Rahasia")
        await _message(update).reply_text(ASK_PRIVACY, reply_markup=choices)
        return PRIVACY

    async def privacy(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        """Anonymous, secret, or neither."""
        draft = _draft(context)
        draft["privacy"] = _message(update).text or ""
        choices = _buttons("Ya, kirim", "Ubah", "Batal")
        await _message(update).reply_text(SUMMARY.format_map(draft), reply_markup=choices)
        return CONFIRM

    async def confirm(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        """A yes files the complaint; the number is told after the commit."""
        message, draft = _message(update), _draft(context)
        assert message.from_user is not None
        digits = f"{secrets.randbelow(10**10):010d}"
        report = Report(
            ticket=f"T-{digits[:3]}-{digits[3:6]}-{digits[6:]}",
            user_id=message.from_user.id,
            name=message.from_user.full_name,
            story=draft["story"],
            photos=draft["photos"],
            code=f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper(),
            privacy=draft["privacy"],
        )
        ticket, code = report.ticket, report.code
        async with self._session() as session:
            session.add(report)
            await session.commit()
        await message.reply_text(FILED.format(ticket=ticket, code=code))
        return ConversationHandler.END

    async def cancel(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        """Throw the draft away."""
        await _message(update).reply_text("Laporan dibatalkan.")
        return ConversationHandler.END

    def conversation(self) -> ConversationHandler[ContextTypes.DEFAULT_TYPE]:
        """The handlers, wired."""
        words = filters.TEXT & ~filters.COMMAND
        return ConversationHandler(
            entry_points=[MessageHandler(words, self.told)],
            states={
                PHOTOS: [MessageHandler(words, self.photos)],
                PRIVACY: [MessageHandler(words, self.privacy)],
                CONFIRM: [MessageHandler(words, self.confirm)],
            },
            fallbacks=[CommandHandler("batal", self.cancel)],
        )


async def _run(options: argparse.Namespace) -> None:
    engine = create_async_engine(sqlalchemy_url(options.database))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    application = Application.builder().token(options.token).base_url(f"{options.base_url}/bot").updater(None).build()
    application.add_handler(Bot(async_sessionmaker(engine, expire_on_commit=False)).conversation())

    async def webhook(request: Request) -> Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given, options.secret):
            return Response(status_code=403)
        update = Update.de_json(await request.json(), application.bot)
        if options.at_once:
            await application.process_update(update)
        else:
            await application.update_queue.put(update)
        return Response()

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route(PATH, webhook, methods=["POST"]), Route("/healthz", healthz)])
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)
    )
    async with application:
        await application.start()
        await server.serve()
        await application.stop()
    await engine.dispose()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="URL of a database of its own")
    parser.add_argument("--base-url", required=True, help="any server that speaks the Bot API")
    parser.add_argument("--token", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--at-once", action="store_true", help="handle every update in its own request")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
