"""The table of who may what: what follows from it, and what must hold whatever is added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import policy
from store.policy import Grant, Reach, Subject

REGIONS = st.sampled_from(["16", "16.71", "16.71.01", "16.7", "73", "73.71"])
AGENCIES = st.sampled_from(["16-pu", "16.71-pu", "73-pu"])
GRANTS = st.one_of(
    st.builds(Grant, st.sampled_from([role for role in policy.ROLES if role != policy.PEJABAT]), st.none() | REGIONS),
    st.builds(lambda agency: Grant(policy.PEJABAT, agency=agency), AGENCIES),
)
SUBJECTS = st.builds(Subject, REGIONS, st.lists(AGENCIES, max_size=2, unique=True).map(tuple))
PALEMBANG = Subject("16.71.01", ("16.71-pu",))


def test_a_region_reaches_what_lies_in_it_and_nothing_that_only_begins_alike() -> None:
    assert policy.lies_in("16.71.01", "16.71")
    assert policy.lies_in("16", "16")
    assert not policy.lies_in("16.71", "16.7")
    assert not policy.lies_in("16", "16.71")


# The audit of reports, without a word of theirs, is an administrator's everywhere.
TRAIL = "report.read_trail"
PLACED = sorted(set(policy.REPORT_VERBS) - {TRAIL})


@pytest.mark.parametrize("verb", PLACED)
def test_nobody_moves_a_report_of_another_region_or_agency(verb: str) -> None:
    kominfo = Grant(policy.ADMIN_INSTANSI, region="73")
    office = Grant(policy.PEJABAT, agency="16-pu")
    assert not policy.may([kominfo, office, Grant(policy.ADMINISTRATOR), Grant(policy.BIRO)], verb, PALEMBANG)


def test_an_agency_answers_but_never_sees_who_is_behind_anonim() -> None:
    office = [Grant(policy.PEJABAT, agency="16.71-pu")]
    allowed = {verb for verb in policy.REPORT_VERBS if policy.may(office, verb, PALEMBANG)}
    assert {"report.read", "report.answer", "report.hand_back"} <= allowed
    assert not {"report.read_hidden_name", "report.read_covered", "report.dispose", "report.archive"} & allowed


def test_an_overseer_reads_and_changes_nothing() -> None:
    overseer = [Grant(policy.PENGAWAS, region="16")]
    allowed = {verb for verb in policy.REPORT_VERBS if policy.may(overseer, verb, PALEMBANG)}
    assert allowed == {"report.read", "report.export", TRAIL}


def test_an_administrator_reads_no_report() -> None:
    assert not policy.reach([Grant(policy.ADMINISTRATOR)], "report.read")


def test_ones_own_needs_no_grant() -> None:
    assert policy.may([], policy.OWN)
    assert not any(policy.may([], verb, PALEMBANG) for verb in policy.VERBS if verb != policy.OWN)


def test_every_rule_names_roles_and_reaches_that_exist() -> None:
    for verb, rule in policy.VERBS.items():
        assert set(rule) <= set(policy.ROLES), verb
        reaches = set(rule.values())
        assert reaches <= ({policy.REGION, policy.AGENCY} if verb in PLACED else {policy.ALWAYS, policy.REGION}), verb


@given(st.lists(GRANTS, max_size=3), st.sampled_from(sorted(policy.REPORT_VERBS)), SUBJECTS)
def test_the_reach_of_a_list_is_what_may_says_of_each_row(grants: list[Grant], verb: str, subject: Subject) -> None:
    reach = policy.reach(grants, verb)
    covered = (
        reach.everywhere
        or any(policy.lies_in(subject.region, region) for region in reach.regions)
        or bool(set(reach.agencies) & set(subject.agencies))
    )
    assert covered == policy.may(grants, verb, subject)


@given(st.lists(GRANTS, max_size=3), GRANTS, st.sampled_from(sorted(policy.VERBS)), SUBJECTS)
def test_another_grant_takes_nothing_away(grants: list[Grant], more: Grant, verb: str, subject: Subject) -> None:
    assert policy.may([*grants, more], verb, subject) >= policy.may(grants, verb, subject)


def test_an_unknown_verb_is_a_defect() -> None:
    with pytest.raises(KeyError):
        policy.may([], "report.delete", PALEMBANG)
    assert not Reach()
