"""Every setting, read from the environment or from `.env`. A wrong one stops the start with a sentence."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.database import sqlalchemy_url

# An address that every mail server takes.
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


class Settings(BaseSettings):
    """The settings of one process. Names in the environment are the same, in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(None, description="PostgreSQL 15 or later; empty: the embedded server")
    host: str = Field("127.0.0.1", description="address that the web process listens on")
    port: int = Field(8000, ge=0, le=65535, description="port that the web process listens on")
    public_url: str = Field("http://127.0.0.1:8000", description="how the outside reaches us")
    data_dir: Path = Field(Path("data"), description="embedded database and files of citizens")
    api_keys: SecretStr = Field(SecretStr(""), description="name:key pairs of the REST API, separated by commas")
    open311_keys: SecretStr = Field(
        SecretStr(""), description="name:key pairs that may only file and follow by Open311, separated by commas"
    )
    open311_public: bool = Field(False, description="whether verified reports are read by Open311 without a key")
    telegram_token: SecretStr | None = Field(None, description="from @BotFather; empty: no Telegram")
    telegram_base_url: str = Field("https://api.telegram.org", description="any server that speaks the Bot API")
    telegram_webhook_secret: SecretStr | None = Field(None, description="1 to 256 of A-Z a-z 0-9 _ -")
    telegram_mode: Literal["webhook", "polling"] = Field(
        "webhook", description="polling where no public address exists"
    )
    whatsapp_token: SecretStr | None = Field(None, description="of a system user at Meta; empty: no WhatsApp")
    whatsapp_phone_number_id: str = Field("", description="Meta's id of our number, not the number itself")
    whatsapp_number: str = Field(
        "", description="our number as others dial it, with the country, such as 6281234567890; empty: no links to it"
    )
    whatsapp_app_secret: SecretStr = Field(SecretStr(""), description="with which Meta signs what it posts to us")
    whatsapp_verify_token: SecretStr = Field(SecretStr(""), description="what we and Meta's form agree on; our choice")
    whatsapp_base_url: str = Field("https://graph.facebook.com", description="any server that speaks the Cloud API")
    whatsapp_api_version: str = Field("v23.0", pattern=r"v\d{1,3}\.\d{1,2}", description="of the Cloud API")
    whatsapp_business_account_id: str = Field(
        "", description="Meta's id of the account; with it templates are checked at start"
    )
    whatsapp_templates: Path | None = Field(None, description="which text goes by which template; empty: ours")
    clamd_host: str = Field("", description="host:port or socket of a ClamAV that looks at files; empty: none does")
    mail_host: str = Field("", description="mail server that sends to agencies (docs/email.md); empty: no e-mail")
    mail_port: int | None = Field(None, ge=1, le=65535, description="its port; empty: 587, 465 with tls, 25 with none")
    mail_tls: Literal["starttls", "tls", "none"] = Field("starttls", description="none only inside one's own network")
    mail_username: str = Field("", description="account at the mail server; empty: it asks for none")
    mail_password: SecretStr = Field(SecretStr(""), description="its password")
    mail_from: str = Field("", description="address that we send from")
    mail_name: str = Field("Kanal LAPOR", description="name beside that address")
    mail_reply_to: str = Field("", description="where answers go, such as lapor+{token}@example.go.id")
    mail_key: SecretStr = Field(SecretStr(""), description="seals the addresses of answers; 32 characters or more")
    mail_imap_host: str = Field("", description="server of the mailbox that answers come to; empty: none is read")
    mail_imap_port: int | None = Field(None, ge=1, le=65535, description="its port; empty: 993, 143 without tls")
    mail_imap_tls: Literal["starttls", "tls", "none"] = Field("tls", description="none only inside one's own network")
    mail_imap_username: str = Field("", description="account of the mailbox; empty: that of MAIL_USERNAME")
    mail_imap_password: SecretStr = Field(SecretStr(""), description="its password; empty: that of MAIL_PASSWORD")
    mail_imap_folder: str = Field("INBOX", description="folder that letters come into")
    mail_imap_done: str = Field("LAPOR-selesai", description="folder that they are moved to when they are read")
    mail_imap_patience_seconds: float = Field(30.0, gt=0, le=300, description="how long it may take for one answer")
    home_region: str = Field("16", description="province that is asked when the place is unknown")
    database_connections: int = Field(8, ge=2, le=100, description="connections of one process")
    delivery_give_up_hours: float = Field(72.0, gt=0, description="after this a message is shown as undeliverable")
    transcriber: str | None = Field(None, description="function that writes voice notes down; empty: none does")
    retention_closed_days: int = Field(365, ge=1, description="days from a complaint's end until it is anonymous")
    retention_draft_days: int = Field(7, ge=1, description="days that files of dropped drafts are kept")
    retention_chat_days: int = Field(90, ge=1, description="days that the words of a chat are kept")
    assist_daily_limit: int = Field(
        10, ge=1, le=1000, description="residents that a Kawan LAPOR volunteer may assist in a day [U]"
    )
    assist_counter_daily_limit: int = Field(
        100, ge=1, le=10_000, description="residents that one service counter may assist in a day [U]"
    )
    assist_takeover_days: int = Field(
        90, ge=1, le=3650, description="days that a resident may take over what was filed for them [U]"
    )
    counter_idle_seconds: int = Field(
        300, ge=1, le=3600, description="seconds without a touch until the page of a service counter warns [U]"
    )
    counter_countdown_seconds: int = Field(
        30, ge=1, le=300, description="seconds that it warns before it empties itself [U]"
    )
    counter_silence_seconds: int = Field(
        900, ge=1, le=7200, description="seconds without a sign of life until a chat at a counter is over [U]"
    )
    guess_key: SecretStr | None = Field(None, description="key of the digests by which wrong codes are counted")
    oidc_issuer: str | None = Field(
        None, description="provider that staff may sign in at (OpenID Connect); empty: none"
    )
    oidc_client_id: str = Field("", description="what the provider knows us by")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="what we show to the provider")
    oidc_name: str = Field("SSO", description="what the provider is called on the button")
    oidc_is_second_factor: bool | None = Field(
        None, description="whether a sign-in there counts as two factors; empty: where the provider says so (amr, acr)"
    )
    oidc_patience_seconds: float = Field(8.0, gt=0, le=60, description="how long the provider may take for one step")
    webhook_private: bool = Field(
        False, description="whether webhooks may lead into networks that are not public (a demo, a test)"
    )
    bridge_pause_seconds: float = Field(
        60.0, gt=0, le=600, description="how soon other systems are asked again after news, at first"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged")

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                sqlalchemy_url(value.get_secret_value())
            except Exception:
                raise ValueError("must look like postgresql://user:password@host:5432/name") from None
        return value

    @field_validator("public_url", "telegram_base_url", "whatsapp_base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("guess_key")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have 16 characters or more")
        return value

    @field_validator("data_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("must be a folder")
        return value

    @field_validator("transcriber")
    @classmethod
    def _function(cls, value: str | None) -> str | None:
        module, _, function = (value or "").partition(":")
        if value is not None and not all(part.isidentifier() for part in [*module.split("."), function]):
            raise ValueError("must look like package.module:function")
        return value

    @field_validator("api_keys", "open311_keys")
    @classmethod
    def _pairs(cls, value: SecretStr) -> SecretStr:
        _parse_keys(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _webhook_is_guarded(self) -> Settings:
        if self.telegram_token and self.telegram_mode == "webhook":
            secret = self.telegram_webhook_secret.get_secret_value() if self.telegram_webhook_secret else ""
            if not secret:
                raise ValueError("TELEGRAM_WEBHOOK_SECRET must be set with TELEGRAM_TOKEN, or TELEGRAM_MODE=polling")
            if len(secret) > 256 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in secret):
                raise ValueError("TELEGRAM_WEBHOOK_SECRET may only have 1 to 256 of A-Z a-z 0-9 _ -")
            if "api.telegram.org" in self.telegram_base_url and not self.public_url.startswith("https://"):
                raise ValueError("PUBLIC_URL must be https for Telegram's webhook, or set TELEGRAM_MODE=polling")
        return self

    @model_validator(mode="after")
    def _whatsapp_is_whole(self) -> Settings:
        if self.whatsapp_token:
            needed = {
                "WHATSAPP_PHONE_NUMBER_ID": self.whatsapp_phone_number_id,
                "WHATSAPP_APP_SECRET": self.whatsapp_app_secret.get_secret_value(),
                "WHATSAPP_VERIFY_TOKEN": self.whatsapp_verify_token.get_secret_value(),
            }
            missing = [name for name, value in needed.items() if not value]
            if missing:
                raise ValueError(f"{', '.join(missing)} must be set with WHATSAPP_TOKEN")
            if not self.whatsapp_phone_number_id.isdecimal():
                raise ValueError("WHATSAPP_PHONE_NUMBER_ID must be Meta's id of the number: digits alone")
        return self

    @field_validator("whatsapp_number")
    @classmethod
    def _dialled(cls, value: str) -> str:
        if value and not re.fullmatch(r"[1-9]\d{7,14}", value, re.ASCII):
            raise ValueError("must be the number with its country and digits alone, such as 6281234567890")
        return value

    @field_validator("clamd_host")
    @classmethod
    def _socket(cls, value: str) -> str:
        if value and not re.fullmatch(r"/\S+|(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+)(:\d{1,5})?", value):
            raise ValueError("must be host:port, a host, or the path of a socket")
        return value

    @field_validator("whatsapp_templates")
    @classmethod
    def _file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("must be a file")
        return value

    @field_validator("mail_from")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("must be one address, such as lapor@example.go.id")
        return value

    @field_validator("mail_reply_to")
    @classmethod
    def _pattern(cls, value: str) -> str:
        before = value.partition("@")[0]
        if value and (before.count("{token}") != 1 or not _ADDRESS.fullmatch(value.replace("{token}", "a" * 26))):
            raise ValueError("must be an address with {token} before its @, such as lapor+{token}@example.go.id")
        return value

    @field_validator("mail_key")
    @classmethod
    def _sealing(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 32:
            raise ValueError("must have 32 characters or more")
        return value

    @field_validator("mail_imap_folder", "mail_imap_done")
    @classmethod
    def _mail_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[\x20-\x7e]{1,200}", value):
            raise ValueError("must be the name of a folder in plain letters")
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Settings:
        if self.mail_host:
            needed = {
                "MAIL_FROM": self.mail_from,
                "MAIL_REPLY_TO": self.mail_reply_to,
                "MAIL_KEY": self.mail_key.get_secret_value(),
            }
            missing = [name for name, value in needed.items() if not value]
            if missing:
                raise ValueError(f"{', '.join(missing)} must be set with MAIL_HOST")
        if self.mail_imap_host:
            if not self.mail_host:
                raise ValueError("MAIL_HOST must be set with MAIL_IMAP_HOST")
            if not (self.mail_imap_username or self.mail_username):
                raise ValueError("MAIL_IMAP_USERNAME must be set with MAIL_IMAP_HOST")
            if self.mail_imap_folder == self.mail_imap_done:
                raise ValueError("MAIL_IMAP_DONE must be another folder than MAIL_IMAP_FOLDER")
        return self

    @model_validator(mode="after")
    def _provider_knows_us(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set with OIDC_ISSUER")
        return self

    @property
    def channels(self) -> list[str]:
        """The channels that these settings open."""
        tokens = {"telegram": self.telegram_token, "webchat": True, "whatsapp": self.whatsapp_token}
        return [name for name, token in tokens.items() if token]

    def client_of(self, key: str) -> str | None:
        """The name that goes with an API key; None for an unknown key. Takes the same time for every key."""
        return _name_of(key, self.api_keys)

    def open311_client_of(self, key: str) -> str | None:
        """The same for Open311, where a key of the REST API counts too."""
        guest, client = _name_of(key, self.open311_keys), self.client_of(key)
        return guest or client


def _name_of(key: str, pairs: SecretStr) -> str | None:
    given = hashlib.sha256(key.encode()).digest()
    found = None
    for known, name in _parse_keys(pairs.get_secret_value()).items():
        if hmac.compare_digest(given, hashlib.sha256(known.encode()).digest()):
            found = name
    return found


def _parse_keys(pairs: str) -> dict[str, str]:
    """The name behind each key. A name may have several, as while one replaces another."""
    keys: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in pairs.split(","))):
        name, colon, key = (part.strip() for part in pair.partition(":"))
        if not (name and colon) or len(key) < 16:
            raise ValueError("must be name:key pairs separated by commas, each key 16 characters or longer")
        keys[key] = name
    return keys


class SettingsWrong(SystemExit):
    """A setting is missing or wrong; the message is one sentence for each."""


def read() -> Settings:
    """The settings of this process. Raises `SettingsWrong`."""
    try:
        return Settings()
    except ValidationError as error:
        sentences = []
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]).upper()
            sentences.append(f"{name + ' ' if name else ''}{problem['msg'].removeprefix('Value error, ')}")
        raise SettingsWrong("Settings: " + "; ".join(sentences) + ".") from None
