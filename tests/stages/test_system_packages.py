"""Packages of a system, as its database describes them."""

from ci.stages.system_packages import alpine_packages, debian_packages

DEBIAN = """\
Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Description: add and remove users
 This package: with a colon.

Package: passwd
Status: install ok installed
Architecture: amd64
Version: 1:4.13+dfsg1-1

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
DISTROLESS = """\
Package: base-files
Version: 12.4
Architecture: amd64
"""
ALPINE = """\
C:Q1abc=
P:busybox
V:1.36.1-r29
A:x86_64
F:bin
R:busybox

P:musl
V:1.2.5-r0
A:x86_64
"""


def test_packages_of_debian_are_read_from_its_database() -> None:
    assert [one["purl"] for one in debian_packages(DEBIAN)] == [
        "pkg:deb/debian/adduser@3.134?arch=all",
        "pkg:deb/debian/passwd@1%3A4.13+dfsg1-1?arch=amd64",
    ]
    assert [one["name"] for one in debian_packages(DISTROLESS)] == ["base-files"]
    assert list(debian_packages("")) == []


def test_packages_of_alpine_are_read_from_its_database() -> None:
    assert [one["purl"] for one in alpine_packages(ALPINE)] == [
        "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64",
        "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64",
    ]
