"""The admin's views of master data, made from the columns of store/data/sheets.toml and checked by the same rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, ClassVar

from babel.support import LazyProxy
from fastapi import Request
from sqlalchemy import ColumnElement, Select, and_, func, inspect, or_, select, true
from sqlalchemy.exc import IntegrityError
from starlette_admin.contrib.sqla import ModelView
from starlette_admin.exceptions import FormValidationError
from starlette_admin.fields import (
    BaseField,
    BooleanField,
    DateField,
    EnumField,
    IntegerField,
    StringField,
    TagsField,
    TextAreaField,
)
from starlette_admin.i18n import get_locale
from starlette_admin.types import RequestAction

from desk import words
from desk.access import Officer, shell_of
from desk.data.models import models
from store import audit, imports, policy, sheets, tables
from store.agencies import load_functions
from store.imports import Column, Kind
from store.policy import lies_in

Choices = list[tuple[str, str]]
# Names in lists of choices are cut here.
_NAME = 90


def lazy(key: str) -> Any:
    """A text of the desk, in the language of whoever reads the page that it is put on."""
    return LazyProxy(_say, key, enable_cache=False)


def _say(key: str) -> str:
    return words.say(get_locale(), key)


def officer_of(request: Request) -> Officer:
    """Who is at the desk; the route that leads here has asked for them."""
    officer: Officer = request.state.officer
    return officer


class Choice(EnumField):
    """One of some values; one that is none of them any more is shown as it is."""

    def _get_label(self, value: Any, request: Request) -> Any:
        """The name of a value."""
        return dict(self._get_choices(request)).get(value, value)

    def _get_choices(self, request: Request) -> Any:
        """The values with their names. Where one must be chosen, nothing is chosen yet: the first is not meant."""
        found = super()._get_choices(request)
        unchosen = self.required and not self.multiple and request.state.action == RequestAction.CREATE
        return [("", ""), *found] if unchosen else found

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """Several values are shown in one line, by their codes."""
        if self.multiple and not request.state.action.is_form():
            return ", ".join(map(str, value))
        return await super().serialize_value(request, value)


def _several(choices: Sequence[str], kind: str, request: Request) -> Choices:
    return [(each, _named(f"induk.choice.{kind}.{each.replace('/', '_')}", each)) for each in choices]


def _named(key: str, otherwise: str) -> str:
    return _say(key) if words.knows(key) else otherwise


def _functions(request: Request) -> Choices:
    english = get_locale() == "en"
    return [
        (each.function, f"{each.function} – {each.name_en if english else each.name_id}") for each in load_functions()
    ]


def _regions(request: Request) -> Choices:
    """The regions that an office may answer for: down to the kecamatan."""
    regions = shell_of(request).directory.regions
    found = [each for each in regions.by_code.values() if each.kind not in ("desa", "kelurahan")]
    return [(each.code, f"{each.code} {regions.full_name(each.code)}"[:_NAME]) for each in found]


def _own_regions(request: Request) -> Choices:
    held = [grant for grant in officer_of(request).grants if grant.role == policy.ADMIN_INSTANSI]
    return [
        each
        for each in _regions(request)
        if any(grant.region is None or lies_in(each[0], grant.region) for grant in held)
    ]


def _own_agencies(request: Request) -> Choices:
    officer, known = officer_of(request), shell_of(request).directory.agencies.by_code
    held = [grant for grant in officer.grants if grant.role == policy.ADMIN_INSTANSI]
    return sorted(
        (
            (each.code, f"{each.name} ({each.code})"[:_NAME])
            for each in known.values()
            if each.code in officer.agencies
            or any(grant.region is None or lies_in(each.region, grant.region) for grant in held)
        ),
        key=lambda pair: pair[1],
    )


def _field(kind: Kind, column: Column) -> BaseField:
    common: dict[str, Any] = {
        "label": lazy(f"induk.field.{column.name}"),
        "required": column.required,
        "help_text": lazy(f"induk.help.{column.name}") if words.knows(f"induk.help.{column.name}") else None,
        # What a row is known by does not change; a template's owner is no name of it.
        "exclude_from_edit": column.name in kind.key and kind.name != "templat",
    }
    if column.name == "functions":
        return Choice(column.name, multiple=True, choices_loader=_functions, **common)
    if column.kind == "choice":
        return Choice(column.name, choices_loader=partial(_several, column.choices, column.name), **common)
    if kind.name == "templat" and column.name in ("region", "agency"):
        loader = _own_regions if column.name == "region" else _own_agencies
        return Choice(column.name, choices_loader=loader, select2=True, **common)
    if column.kind == "region":
        return Choice(column.name, choices_loader=_regions, select2=True, **common)
    if column.kind == "number":
        return IntegerField(column.name, **common)
    plain: Mapping[str, Callable[..., BaseField]] = {"words": TagsField, "date": DateField, "flag": BooleanField}
    if column.kind in plain:
        return plain[column.kind](column.name, **common)
    if column.longest > 1000:
        return TextAreaField(column.name, **common, rows=8)
    return StringField(column.name, **common, maxlength=column.longest)


# What a list shows at first; the rest is on the row's own page.
_LISTED = {
    "instansi": ("code", "short", "functions", "region", "valid_from", "valid_to"),
    "wilayah": ("code", "name", "kind", "aliases", "valid_to"),
    "kategori": ("code", "name", "sp4n_id", "valid_to"),
    "hari-libur": ("day", "name", "kind"),
    "aturan-waktu": ("kind", "valid_from", "working_days", "remind_days_before", "source"),
    "templat": ("name", "purpose", "region", "agency", "valid_to"),
}
_ICONS = {
    "instansi": "fa-solid fa-building-columns",
    "wilayah": "fa-solid fa-map",
    "kategori": "fa-solid fa-tags",
    "hari-libur": "fa-solid fa-calendar-day",
    "aturan-waktu": "fa-solid fa-stopwatch",
    "templat": "fa-solid fa-comment-dots",
}


class Rows(ModelView):
    """The rows of one kind of master data. Nothing is removed, but a day off that was entered wrongly."""

    SEEN: ClassVar[str] = "_seen"
    exporters = ()
    importers = ()
    actions = ()
    page_size = 25
    page_size_options = (25, 50, 100)
    # Codes are given by hand.
    show_pk_in_forms = True
    removes = False

    def __init__(self, kind: Kind, verb: str) -> None:
        """A view whose pages need that verb."""
        self.kind, self.verb = kind, verb
        self.fields = [_field(kind, column) for column in kind.columns]
        self.removes = kind.name == "hari-libur"
        self.row_actions = ["view", "edit", *(["delete"] if self.removes else [])]
        self.exclude_fields_from_list = [each.name for each in kind.columns if each.name not in _LISTED[kind.name]]
        self.fields_default_sort = [(kind.columns[0].name, kind.name == "hari-libur")]
        # Enumerations are found by what stands in the table, lists not at all.
        self.searchable_fields = [each.name for each in self.fields if type(each) in (StringField, TextAreaField)]
        self.sortable_fields = [each.name for each in kind.columns if each.kind != "words"]
        super().__init__(
            models()[kind.name],
            icon=_ICONS[kind.name],
            key=kind.name,
            menu_label=lazy(f"induk.view.{kind.name}"),
            display_name=lazy(f"induk.one.{kind.name}"),
        )
        # Days stand in addresses as text.
        self._pk_coerce = (
            tuple(_reading(each) for each in self._pk_coerce)
            if isinstance(self._pk_coerce, tuple)
            else _reading(self._pk_coerce)
        )

    def is_accessible(self, request: Request) -> bool:
        """Whether the officer may open it."""
        return officer_of(request).may(self.verb)

    def can_delete(self, request: Request) -> bool:
        """Whether rows may be removed."""
        return self.removes

    def can_export(self, request: Request) -> bool:
        """Sheets are the desk's own."""
        return False

    def can_import(self, request: Request) -> bool:
        """Sheets are the desk's own."""
        return False

    # --- reading

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        """The row, and that it was seen as it is now."""
        try:
            found = await super().find_by_pk(request, pk)
        except (TypeError, ValueError):
            return None
        if found is not None:
            request.state.seen = self._digest(found)
        return found

    def _digest(self, row: Any) -> str:
        shown = repr([getattr(row, each.name) for each in self.kind.columns])
        return hashlib.sha256(shown.encode()).hexdigest()[:24]

    # --- writing

    async def _arrange_data(self, request: Request, data: dict[str, Any], is_edit: bool = False) -> dict[str, Any]:
        arranged = await super()._arrange_data(request, data, is_edit)
        return {name: _cleaned(value) for name, value in arranged.items()}

    async def create(self, request: Request, data: dict[str, Any]) -> Any:
        """Add a row, and write down that it was added."""
        row = await super().create(request, data)
        await self._write(request, "data.added", row, {})
        return row

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:
        """Change a row that nobody else has changed since it was shown, and write down which columns."""
        row = await self.find_by_pk(request, pk)
        form = await request.form()
        if form.get(self.SEEN) != self._digest(row):
            first = next(each.name for each in self.get_fields_list(request))
            raise FormValidationError({first: words.say(get_locale(), "induk.changed")})
        row = await super().edit(request, pk, data)
        if changed := request.state.changed:
            await self._write(request, "data.changed", row, {"columns": changed})
        return row

    async def before_edit(self, request: Request, data: dict[str, Any], obj: Any) -> None:
        """Remember what changes."""
        state = inspect(obj)
        request.state.changed = [
            each.name for each in self.kind.columns if state.attrs[each.name].history.has_changes()
        ]
        if request.state.changed and "changed_at" in self.kind.table.c:
            obj.changed_at = shell_of(request).now()

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        """Remove rows, and write down which."""
        rows = await self.find_by_pks(request, pks)
        for row in rows:
            await self._write(request, "data.removed", row, {})
        return await super().delete(request, pks)

    async def handle_exception(self, request: Request, exc: Exception) -> None:
        """Two at once: what the checks before could not see."""
        if isinstance(exc, IntegrityError):
            raise FormValidationError({self.kind.key[0]: words.say(get_locale(), "induk.taken")}) from None
        raise exc

    async def _write(self, request: Request, verb: str, row: Any, detail: Mapping[str, Any]) -> None:
        known_by = ",".join(str(getattr(row, name)) for name in self.kind.key)
        await audit.write(
            request.state.work.connection,
            officer_of(request).actor(self.verb),
            verb,
            # A template is known by its number: its name is somebody's words.
            of=(OBJECTS[self.kind.name], str(row.id) if self.kind.name == "templat" else known_by),
            detail=detail,
        )

    async def validate(self, request: Request, data: dict[str, Any]) -> None:
        """Whether the row can be as it is written. Raises `FormValidationError`."""
        shell, session = shell_of(request), request.state.session
        pk = request.query_params.get("pk") if request.url.path.endswith("/edit") else None
        was = await self.find_by_pk(request, pk) if pk else None
        kept = {each.name: getattr(was, each.name) for each in self.kind.columns} if was is not None else {}
        values = {**kept, **data}
        connection = await session.connection()
        world = await imports.world(connection, shell.home_region)
        errors = {
            name: words.say(get_locale(), f"sheets.fault.{key}", **parameters)
            for name, key, parameters in imports.wrong(self.kind, values, world)
        }
        if not errors and await self._taken(session, values, was):
            errors[self.kind.key[0]] = words.say(get_locale(), "induk.taken")
        if not errors and self.kind.name == "kategori" and await self._number_taken(session, values):
            errors["sp4n_id"] = words.say(get_locale(), "induk.number_taken")
        if not errors and self.kind.name == "instansi" and was is not None:
            errors |= await self._without_home(connection, values, shell.home_region, shell.today(None))
        errors |= self._not_theirs(request, values)
        if errors:
            shown = {each.name for each in self.get_fields_list(request)}
            first = next(iter(shown))
            raise FormValidationError({name if name in shown else first: said for name, said in errors.items()})

    async def _taken(self, session: Any, values: Mapping[str, Any], was: Any) -> bool:
        known_by = [self.kind.table.c[name].is_not_distinct_from(values[name]) for name in self.kind.key]
        pk = inspect(self.model).primary_key
        found = (await session.execute(select(*pk).where(and_(*known_by)))).first()
        return found is not None and (was is None or tuple(found) != tuple(getattr(was, each.name) for each in pk))

    async def _number_taken(self, session: Any, values: Mapping[str, Any]) -> bool:
        if values["sp4n_id"] is None:
            return False
        other = tables.categories.c
        statement = select(other.code).where(other.sp4n_id == values["sp4n_id"], other.code != values["code"])
        return (await session.execute(statement)).first() is not None

    async def _without_home(self, connection: Any, values: dict[str, Any], home: str, today: date) -> dict[str, str]:
        rows = await imports.rows(connection, self.kind)
        rows[self.kind.key_of(values)] = values
        if any(imports.is_home_kominfo(each, home, today) for each in rows.values()):
            return {}
        return {"valid_to": words.say(get_locale(), "sheets.fault.home_kominfo")}

    def _not_theirs(self, request: Request, values: Mapping[str, Any]) -> dict[str, str]:
        """Nothing: these rows are everybody's who may change them."""
        return {}


class Templates(Rows):
    """Templates of answers: each officer's are those of their own regions and agencies."""

    def _theirs(self, request: Request) -> Any:
        table = self.kind.table.c
        held = [grant for grant in officer_of(request).grants if grant.role == policy.ADMIN_INSTANSI]
        clauses: list[ColumnElement[bool]] = [table.agency.in_([code for code, _ in _own_agencies(request)])]
        for grant in held:
            if grant.region is None:
                return true()
            clauses.append(
                or_(table.region == grant.region, table.region.startswith(f"{grant.region}.", autoescape=True))
            )
        return or_(*clauses)

    def get_list_query(self, request: Request) -> Select[Any]:
        """Theirs."""
        return super().get_list_query(request).where(self._theirs(request))

    def get_count_query(self, request: Request) -> Select[Any]:
        """Theirs, counted."""
        return select(func.count()).select_from(self.model).where(self._theirs(request))

    def _not_theirs(self, request: Request, values: Mapping[str, Any]) -> dict[str, str]:
        """Whether the owner is one that the officer may write for; everybody's are for who reaches everywhere."""
        region, agency = values.get("region"), values.get("agency")
        everywhere = any(
            each.role == policy.ADMIN_INSTANSI and each.region is None for each in officer_of(request).grants
        )
        if agency is None and region is None:
            return {} if everywhere else {"agency": words.say(get_locale(), "induk.whose")}
        if region is not None and region not in dict(_own_regions(request)):
            return {"region": words.say(get_locale(), "induk.not_yours")}
        if agency is not None and agency not in dict(_own_agencies(request)):
            return {"agency": words.say(get_locale(), "induk.not_yours")}
        return {}


OBJECTS = {
    "instansi": "agency",
    "wilayah": "region",
    "kategori": "category",
    "hari-libur": "holiday",
    "aturan-waktu": "clock_rule",
    "templat": "template",
}


class _Day(date):
    """A day that is read from its text, as the admin reads the keys of rows: by calling their type."""

    def __new__(cls, written: Any) -> Any:
        """That day. Raises ValueError."""
        return date.fromisoformat(str(written))


def _reading(kind: Any) -> Any:
    return _Day if kind is date else kind


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return sheets.clean(value) or None
    if isinstance(value, list):
        return list(dict.fromkeys(each for each in map(sheets.clean, value) if each))
    return value


def views() -> list[Rows]:
    """The views, in the order of the menu."""
    kinds = imports.kinds()
    return [
        Templates(kinds[name], "templates.edit") if name == "templat" else Rows(kinds[name], "data.edit")
        for name in kinds
    ]
