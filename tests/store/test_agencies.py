"""Every function has an office everywhere, and the rules of competence send a report to the right one."""

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.agencies import Agencies, is_valid, load, load_functions, load_mandates
from store.regions import Regions
from store.regions import load as load_regions

REGIONS = Regions(load_regions())
ALL = load(REGIONS.by_code.values())
AGENCIES = Agencies(ALL, REGIONS)
FUNCTIONS = load_functions()
UPPER = [region for region in REGIONS.by_code.values() if region.kind != "kecamatan"]
KABKOTA = [region for region in UPPER if region.kind != "provinsi"]
ON = date(2026, 11, 20)


def test_all_functions_of_the_classifier_are_known() -> None:
    assert len(FUNCTIONS) == 39
    assert {function.level for function in FUNCTIONS} == {"kabkota", "provinsi", "pusat"}


def test_codes_are_unique_and_every_reference_leads_somewhere() -> None:
    codes = Counter(agency.code for agency in ALL)
    names = {function.function for function in FUNCTIONS}
    above: set[str] = set()  # a table with a foreign key takes a parent only before its children
    assert max(codes.values()) == 1
    for agency in ALL:
        assert agency.region in REGIONS.by_code
        assert set(agency.functions) <= names
        assert agency.level in ("kabkota", "provinsi", "pusat")
        assert not agency.parent or agency.parent in above
        above.add(agency.code)
        assert agency.code.startswith(agency.region + "-")
        assert "{" not in agency.name
    for mandate in load_mandates():
        assert {mandate.function, mandate.to_function} <= names
        assert not mandate.agency or mandate.agency in codes


def test_only_offices_seen_in_a_source_are_confirmed() -> None:
    hearsay = ("usual name", "general knowledge")
    assert not [agency.code for agency in ALL if agency.confirmed and agency.source in hearsay]


def test_every_government_has_its_kominfo() -> None:
    assert len(UPPER) == 2 + 41
    for region in UPPER:
        found = AGENCIES.responsible("kominfo", region.code, ON).agency
        assert (found.region, found.functions) == (region.code, ("kominfo",))


def test_the_kominfo_of_sulsel_bears_its_own_name() -> None:
    name = "Dinas Komunikasi, Informatika, Statistik dan Persandian Provinsi Sulawesi Selatan"
    assert AGENCIES.responsible("kominfo", "73", ON).agency.name == name


@pytest.mark.parametrize("on", [date(2020, 1, 1), date(2025, 12, 31), date(2026, 1, 1), ON])
def test_no_function_of_a_kabkota_is_without_an_office(on: date) -> None:
    for region in KABKOTA:
        for function in FUNCTIONS:
            found = AGENCIES.responsible(function.function, region.code, on)
            assert found.why != "no_office", (region.code, function.function)
            assert function.function in found.agency.functions
            assert is_valid(found.agency, on)
            if function.level == "kabkota":
                assert found.agency.region == region.code


def test_a_known_office_replaces_the_usual_one() -> None:
    found = AGENCIES.responsible("perkim", "16.71", ON).agency
    assert (found.name, found.confirmed) == ("Dinas Perumahan Rakyat dan Kawasan Permukiman Kota Palembang", True)
    assert [agency.code for agency in ALL if agency.region == "16.71" and "perkim" in agency.functions] == [found.code]


def test_an_unknown_office_bears_the_usual_name() -> None:
    found = AGENCIES.responsible("dlh", "73.13.06", ON).agency
    assert (found.code, found.name, found.confirmed) == ("73.13-dlh", "Dinas Lingkungan Hidup Kabupaten Wajo", False)


@pytest.mark.parametrize(
    ("function", "region", "text", "code", "certain", "why"),
    [
        # The scenarios 1, 2 and 3 of the domain specification.
        ("pu", "16.06.01", "jalan depan smp 1 sekayu lah lame rusak", "16.06-pu", False, "road_status_unknown"),
        ("dukcapil", "16.06.01", "KTP saya belum jadi", "16.06-dukcapil", True, "mandate"),
        ("dukcapil", "16", "KTP saya belum jadi", "16-dukcapil", False, "region_too_wide"),
        ("disdik", "16.71.14", "uang komite SMA Negeri 8", "16-disdik", True, "school_level_province"),
        ("disdik", "16.71", "SMAN8 minta sumbangan", "16-disdik", True, "school_level_province"),
        ("disdik", "16.71", "pungutan di SMKN 2", "16-disdik", True, "school_level_province"),
        ("disdik", "73.71", "SLB tidak ada guru", "73-disdik", True, "school_level_province"),
        ("disdik", "16.71", "bayar seragam SMP N 1", "16.71-disdik", True, "school_level_kabkota"),
        ("disdik", "16.06", "atap SDN 3 bocor", "16.06-disdik", True, "school_level_kabkota"),
        ("disdik", "16.71", "uang gedung MTsN 1", "16.71-kemenag", True, "religious_school"),
        ("disdik", "73.13", "pesantren tanpa izin", "73.13-kemenag", True, "religious_school"),
        ("disdik", "16.71", "uang sekolah terlalu mahal", "16.71-disdik", False, "school_level_unknown"),
        ("disdik", "16.71", "anak saya lulus SMP mau masuk SMA", "16-disdik", False, "several_mandates"),
        # Labour: inspection is the province's, the rest is local.
        ("naker", "16.71", "gaji di bawah UMK", "16-naker", True, "labour_inspection_province"),
        ("naker", "73.71", "kena PHK tanpa pesangon", "73-naker", True, "labour_inspection_province"),
        ("naker", "16.06", "tidak ada alat K3", "16-naker", True, "labour_inspection_province"),
        ("naker", "16.06", "kapan ada pelatihan las?", "16.06-naker", True, "mandate"),
        # Street lights belong to Perkim in Palembang; elsewhere nobody knows from here.
        ("pu", "16.71", "lampu jalan mati", "16.71-perkim", True, "street_light"),
        ("dishub", "16.71.14", "lampu jalan mati", "16.71-perkim", True, "street_light"),
        ("pu", "16.06", "lampu jalan mati", "16.06-dishub", False, "street_light_owner_unknown"),
        # Other levels of government.
        ("pu", "16.71", "kolam retensi kotor", "16.71-pu", True, "mandate"),
        ("esdm", "16.06.01", "galian c", "16-esdm", True, "mandate"),
        ("polri", "73.71.03", "", "73.71-polri", True, "mandate"),
        ("bpn", "16.71", "", "16.71-bpn", True, "mandate"),
        ("kai", "16.03", "", "16-kai", True, "mandate"),
        ("bapenda", "16.71", "denda pajak motor", "16-bapenda", True, "vehicle_tax_province"),
        ("bapenda", "16.71", "tagihan PBB salah", "16.71-bapenda", True, "mandate"),
        ("dinkes", "16.71", "antrean RSUD Siti Fatimah", "16-rsud-siti-fatimah", True, "named_hospital"),
        ("dinkes", "16.71", "antrean puskesmas", "16.71-dinkes", True, "mandate"),
        ("kec_kel", "16.71.14", "", "16.71.14-kec_kel", True, "mandate"),
        # What has no owner goes to Kominfo, the nearest one that is known.
        ("pdam", "16", "", "16-kominfo", False, "no_office"),
        ("tidak ada", "16.71.14", "", "16.71-kominfo", False, "no_function"),
        (None, "73.13.06", "", "73.13-kominfo", False, "no_function"),
        (None, "73", "", "73-kominfo", False, "no_function"),
        ("pu", None, "jalan rusak", "16-kominfo", False, "no_region"),
        ("pu", "33.01", "jalan rusak", "16-kominfo", False, "no_region"),
        (None, None, "", "16-kominfo", False, "no_region"),
    ],
)
def test_who_is_responsible(
    function: str | None, region: str | None, text: str, code: str, certain: bool, why: str
) -> None:
    found = AGENCIES.responsible(function, region, ON, text)
    assert (found.agency.code, found.certain, found.why) == (code, certain, why)


def test_an_office_is_responsible_only_while_it_exists() -> None:
    assert AGENCIES.responsible("pu", "16.06", date(2025, 12, 31)).agency.code == "16.06-pupr"
    assert AGENCIES.responsible("pu", "16.06", date(2026, 1, 1)).agency.code == "16.06-pu"


def test_the_main_office_comes_first_in_whatever_order_they_are_read() -> None:
    found = Agencies(reversed(ALL), REGIONS).responsible("dinkes", "16.71", ON).agency
    assert found.code == "16.71-dinkes"


def test_home_decides_where_a_report_without_a_place_goes() -> None:
    assert Agencies(ALL, REGIONS, home="73").responsible("pu", None, ON).agency.code == "73-kominfo"
    with pytest.raises(ValueError, match="no Kominfo"):
        Agencies(ALL, REGIONS, home="33")


@given(
    function=st.none() | st.text(max_size=8) | st.sampled_from([function.function for function in FUNCTIONS]),
    region=st.none() | st.text(max_size=12) | st.sampled_from(sorted(REGIONS.by_code)),
    on=st.dates(),
    text=st.text() | st.sampled_from(["SMA", "lampu jalan", "upah", "siti fatimah"]),
)
def test_there_is_always_an_answer(function: str | None, region: str | None, on: date, text: str) -> None:
    found = AGENCIES.responsible(function, region, on, text)
    assert found.agency.code in AGENCIES.by_code
    assert found.why
