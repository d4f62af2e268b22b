"""Staff: accounts, invitations, grants, sessions, factors and passwords in the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import factors, passwords, policy, staff
from store.policy import Grant

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GRANT = Grant(policy.ADMIN_INSTANSI, region="16.71")


async def whole(connection: AsyncConnection, staff_id: int, now: datetime = NOW) -> str:
    return await staff.open_session(connection, staff_id, now, verified=True)


async def runs(connection: AsyncConnection, token: str, now: datetime) -> bool:
    return isinstance(await staff.session(connection, token, now), staff.Session)


# --- accounts --------------------------------------------------------------------------------------


async def test_a_login_is_found_however_it_is_written(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, " Ibu@Kominfo.Example ", "Ibu")
        found = await staff.by_login(connection, "IBU@kominfo.example ")
        assert found is not None
        assert (found.id, found.login, found.password_hash, found.factor) == (
            staff_id,
            "ibu@kominfo.example",
            None,
            False,
        )
        assert await staff.by_login(connection, "ibu@kominfo.exampl") is None
        assert [each.id for each in await staff.listed(connection)] == [staff_id]


async def test_there_is_no_change_of_nobody(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for change in (
            staff.account(connection, 99),
            staff.disable(connection, 99, NOW),
            staff.enable(connection, 99),
            staff.invite(connection, 99, NOW),
            staff.set_password(connection, 99, "x", NOW),
            staff.make_whole(connection, 99, NOW),
        ):
            with pytest.raises(staff.NoAccount):
                await change


async def test_a_disabled_account_has_no_sessions_and_no_invitation(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        session, invitation = await whole(connection, staff_id), await staff.invite(connection, staff_id, NOW)
        await staff.disable(connection, staff_id, NOW)
        assert not await runs(connection, session, NOW)
        assert await staff.invited(connection, invitation, NOW) is None
        assert await staff.accept(connection, invitation, "x", NOW) is None
        with pytest.raises(staff.NoAccount):
            await staff.invite(connection, staff_id, NOW)
        await staff.disable(connection, staff_id, NOW + timedelta(days=1))
        assert (await staff.account(connection, staff_id)).disabled_at == NOW
        await staff.enable(connection, staff_id)
        assert not await runs(connection, session, NOW)


async def test_a_person_of_the_provider_is_bound_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu@kominfo.example", "Ibu")
        assert await staff.bind(connection, "lain@kominfo.example", "https://p", "1") is None
        bound = await staff.bind(connection, "Ibu@kominfo.example", "https://p", "1")
        assert bound is not None
        assert bound.id == staff_id
        assert await staff.bind(connection, "ibu@kominfo.example", "https://p", "2") is None
        found = await staff.by_subject(connection, "https://p", "1")
        assert found is not None
        assert await staff.by_subject(connection, "https://other", "1") is None


# --- invitations -----------------------------------------------------------------------------------


async def test_an_invitation_is_good_once_in_its_time(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        session = await whole(connection, staff_id)
        first = await staff.invite(connection, staff_id, NOW)
        second = await staff.invite(connection, staff_id, NOW)
        last = NOW + staff.INVITED
        assert await staff.invited(connection, first, NOW) is None
        assert await staff.invited(connection, second, last - timedelta(seconds=1)) is not None
        assert await staff.invited(connection, second, last) is None
        assert await staff.accept(connection, second, "x", last) is None
        assert await staff.accept(connection, second, "x", NOW) == staff_id
        assert await staff.accept(connection, second, "y", NOW) is None
        assert (await staff.account(connection, staff_id)).password_hash == "x"
        assert not await runs(connection, session, NOW)
        kept = (await connection.execute(text("SELECT * FROM staff"))).one()
        assert second not in str(kept)


# --- grants ----------------------------------------------------------------------------------------


async def test_a_grant_that_is_revoked_ends_at_once_and_stays_as_a_row(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu", [GRANT])
        token = await whole(connection, staff_id, datetime.now(UTC))
        (held,) = await staff.grants(connection, staff_id, datetime.now(UTC))
        assert held.grant == GRANT
        assert await staff.revoke(connection, held.id, datetime.now(UTC)) == staff_id
        assert await staff.revoke(connection, held.id, datetime.now(UTC)) is None
        found = await staff.session(connection, token, datetime.now(UTC))
        assert isinstance(found, staff.Session)
        assert found.grants == ()
        assert await staff.grants(connection, staff_id, datetime.now(UTC)) == []
        await staff.grant(connection, staff_id, GRANT)
        assert len(await staff.grants(connection, staff_id, datetime.now(UTC))) == 1
        assert (await connection.execute(text("SELECT count(*) FROM staff_grants"))).scalar_one() == 2


# --- sessions --------------------------------------------------------------------------------------


async def test_a_session_ends_when_idle_and_in_any_case(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        token = await whole(connection, staff_id)
        await connection.commit()
        now, step = NOW, staff.IDLE - timedelta(minutes=1)
        while now + step < NOW + staff.LONGEST:
            now += step
            assert await runs(connection, token, now)
        assert not await runs(connection, token, NOW + staff.LONGEST)
        idle = await whole(connection, staff_id)
        assert not await runs(connection, idle, NOW + staff.IDLE)
        ended = await staff.session(connection, idle, NOW + staff.IDLE)
        assert ended == staff.Ended(staff_id)
        assert await staff.session(connection, "nobody's", NOW) == staff.Ended(None)


async def test_a_half_session_lasts_half_an_hour_and_gets_a_new_token(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        token = await staff.open_session(connection, staff_id, NOW)
        found = await staff.session(connection, token, NOW + staff.HALF - timedelta(seconds=1))
        assert isinstance(found, staff.Session)
        assert not await runs(connection, token, NOW + staff.HALF)
        fresh = await staff.make_whole(connection, found.id, NOW)
        assert not await runs(connection, token, NOW)
        assert await runs(connection, fresh, NOW + staff.HALF)
        assert await staff.end_session(connection, staff_id, found.id)
        with pytest.raises(staff.NoAccount):
            await staff.make_whole(connection, found.id, NOW)


async def test_sessions_end_one_by_one_or_all_but_one(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        mine, theirs = await staff.add(connection, "ibu", "Ibu"), await staff.add(connection, "bapak", "Bapak")
        tokens = [await whole(connection, mine) for _ in range(3)]
        other = await whole(connection, theirs)
        listed = await staff.sessions(connection, mine, NOW)
        assert len(listed) == 3
        assert not await staff.end_session(connection, theirs, listed[0].id)
        assert await staff.end_sessions(connection, mine, keep=listed[0].id) == 2
        assert [await runs(connection, token, NOW) for token in tokens].count(True) == 1
        assert await staff.end_sessions(connection, mine) == 1
        assert await runs(connection, other, NOW)
        await staff.end_token(connection, other)
        assert not await runs(connection, other, NOW)


async def test_sessions_are_forgotten_long_after_they_ended(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        now = datetime.now(UTC)
        await whole(connection, staff_id, now - staff.REMEMBERED - staff.LONGEST)
        await whole(connection, staff_id, now - staff.REMEMBERED)
        await whole(connection, staff_id, now)
        assert await staff.sweep(connection, now, 10) == 1
        assert await staff.sweep(connection, now, 10) == 0
        assert await staff.sweep(connection, now + staff.REMEMBERED + staff.LONGEST, 1) == 1


# --- second factor ---------------------------------------------------------------------------------


async def with_factor(connection: AsyncConnection) -> tuple[int, str, list[str]]:
    staff_id = await staff.add(connection, "ibu", "Ibu")
    secret = await factors.begin(connection, staff_id)
    assert secret
    codes = await factors.confirm(connection, staff_id, factors.code_at(secret, NOW), NOW)
    assert codes
    return staff_id, secret, codes


async def test_a_factor_is_what_any_app_makes_of_it(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, "ibu", "Ibu")
        secret = await factors.begin(connection, staff_id)
        assert secret
        assert await factors.begin(connection, staff_id) == secret
        app = pyotp.parse_uri(factors.address(secret, "ibu", "Meja LAPOR"))
        assert isinstance(app, pyotp.TOTP)
        assert not await factors.check(connection, staff_id, app.at(NOW), NOW)  # not in use before its first code
        assert await factors.confirm(connection, staff_id, "000000x", NOW) is None
        shown = app.at(NOW)
        assert len(await factors.confirm(connection, staff_id, f"{shown[:3]} {shown[3:]}", NOW) or []) == factors.CODES
        assert await factors.begin(connection, staff_id) is None
        assert await factors.confirm(connection, staff_id, app.at(NOW + factors.LASTS), NOW) is None
        await factors.forget(connection, staff_id)
        assert await factors.begin(connection, staff_id) not in (None, secret)
        assert await factors.codes_left(connection, staff_id) == 0


async def test_a_code_is_good_for_one_step_of_drift_and_never_backwards(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id, secret, _codes = await with_factor(connection)
        later = NOW + 10 * factors.LASTS

        async def takes(steps: int) -> bool:
            return await factors.check(
                connection, staff_id, factors.code_at(secret, later + steps * factors.LASTS), later
            )

        assert [await takes(steps) for steps in (-2, 2)] == [False, False]
        assert [await takes(steps) for steps in (-1, -1, 0, -1, 1, 0, 1)] == [
            True,
            False,
            True,
            False,
            True,
            False,
            False,
        ]


async def test_recovery_codes_are_their_owners_and_good_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id, _secret, codes = await with_factor(connection)
        other = await staff.add(connection, "bapak", "Bapak")
        assert len(set(codes)) == factors.CODES
        assert not await factors.spend(connection, other, codes[0], NOW)
        assert await factors.spend(connection, staff_id, f" {codes[0].upper().replace('-', ' ')}", NOW)
        assert not await factors.spend(connection, staff_id, codes[0], NOW)
        assert not await factors.spend(connection, staff_id, "", NOW)
        assert await factors.codes_left(connection, staff_id) == factors.CODES - 1
        kept = str((await connection.execute(text("SELECT code_sha256 FROM recovery_codes"))).all())
        assert not any(code.replace("-", "") in kept for code in codes)


# --- passwords -------------------------------------------------------------------------------------


@given(st.text(min_size=0, max_size=40))
@settings(max_examples=5, deadline=None)
def test_a_password_matches_itself_and_nothing_else(password: str) -> None:
    kept = passwords.hashed(password)
    assert passwords.matches(kept, password)
    assert not passwords.matches(kept, password + "x")
    assert not passwords.matches(None, password)
    assert not passwords.matches("not a hash", password)


def test_a_hash_of_other_parameters_is_outdated() -> None:
    kept = passwords.hashed("jeruk-purut-besi-7")
    assert not passwords.outdated(kept)
    assert passwords.outdated(kept.replace("t=3", "t=2"))


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("sebelas-11x", "short"),
        ("dua-belas-12", None),
        ("a1" * 129, "long"),
        ("Siti.Aminah.2026", "personal"),
        ("SITI AMINAH!!!!", "personal"),
        ("siti@kominfo.example", "personal"),
        ("P@ssword-2026-2027", None),
        ("Indonesia-2026", "common"),
        ("qwertyuiop123", "common"),
        ("123456789012", "common"),
        ("ababababababab", "common"),
        ("siti aminah suka durian", None),
    ],
)
def test_passwords_that_will_not_do(password: str, problem: str | None) -> None:
    assert passwords.problem(password, "siti@kominfo.example", "Siti Aminah") == problem


@given(st.text(max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_judged(password: str, login: str, name: str) -> None:
    assert passwords.problem(password, login, name) in {None, "short", "long", "personal", "common"}
