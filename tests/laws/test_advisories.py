"""No release with a known advisory is admitted by `pyproject.toml`, nor pinned by `constraints.txt`."""

import json
import tomllib
from collections.abc import Iterable
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from sources import ROOT

LISTED = json.loads((ROOT / "tests" / "laws" / "advisories.json").read_text())
LINES = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
PINNED = [Requirement(line) for line in LINES if line]


def required() -> list[Requirement]:
    """To build, to run, and of all extras."""
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = text["project"]["optional-dependencies"].values()
    return list(map(Requirement, chain(text["build-system"]["requires"], text["project"]["dependencies"], *extras)))


def admitted(requirement: SpecifierSet, affected: SpecifierSet) -> Version | None:
    """A version that both have; two ranges that meet do so at a bound of one of them, or just above it."""
    bounds = {specifier.version.removesuffix(".*") for specifier in (*requirement, *affected)}
    for version in sorted({Version("0"), *map(Version, bounds), *(Version(f"{bound}.0.0.1") for bound in bounds)}):
        if version in requirement and version in affected:
            return version
    return None


def breaches(requirements: Iterable[Requirement], advisories: list[dict] = LISTED["advisories"]) -> list[str]:
    return [
        f"{requirement}: {version} has {advisory['id']}"
        for requirement in requirements
        for advisory in advisories
        if canonicalize_name(requirement.name) == advisory["package"]
        for affected in advisory["affected"]
        if (version := admitted(requirement.specifier, SpecifierSet(affected, prereleases=True)))
    ]


def test_no_release_with_an_advisory_is_admitted_or_pinned():
    assert breaches(required()) == []
    assert breaches(PINNED) == []


def test_the_pins_are_of_releases_that_are_admitted():
    pins = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in PINNED}
    wanted = [one for one in required() if canonicalize_name(one.name) in pins]
    assert len(wanted) > 20
    assert [str(one) for one in wanted if pins[canonicalize_name(one.name)] not in one.specifier] == []


@pytest.mark.parametrize(
    ("requirement", "breach"),
    [
        ("lightning>=2.4", True),
        ("lightning>=2.4,!=2.6.2", True),
        ("lightning==2.6.3", True),
        ("lightning", True),
        ("lightning>=2.6.6", False),
        ("Pillow>=10", True),
        ("pillow>12,<12.1", True),
        ("pillow==12.3.*", False),
        ("pillow~=12.1.0", True),
        ("torch>=2.9", True),
        ("torch>=2.10", False),
        ("jinja2<3", True),
        ("jinja2>=3.1,!=3.1", True),
        ("msgpack==1.1.2", True),
        ("of-nobody", False),
    ],
)
def test_law_of_advisories_catches_a_planted_requirement(requirement: str, breach: bool):
    assert bool(breaches([Requirement(requirement)])) == breach


def test_list_of_advisories_is_well_formed():
    for advisory in LISTED["advisories"]:
        assert set(advisory) == {"package", "affected", "id", "date", "what"}
        assert advisory["package"] == canonicalize_name(advisory["package"])
        assert all(Specifier(part) for affected in advisory["affected"] for part in affected.split(","))
