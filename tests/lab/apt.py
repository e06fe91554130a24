# SPDX-License-Identifier: Apache-2.0
"""Debian packages: the system's own apt, and a private one in the cache.

The private apt reads the same archive as the system's (its address is taken
from apt's configuration) but knows more suites and architectures. It only
downloads; the system's apt configuration is never changed.
"""

import functools
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import paths, proc, ui
from lab.errors import LabError

SUPPORTED = {"bookworm": "12", "trixie": "13"}
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg",
            "/usr/share/keyrings/debian-archive-keyring.pgp")


@dataclass(frozen=True)
class Package:
    """One version of a package that the archive offers."""

    name: str
    architecture: str
    version: str
    depends: str

    @property
    def spec(self) -> str:
        """What `apt-get download` is asked for."""
        architecture = "" if self.architecture == "all" else f":{self.architecture}"
        return f"{self.name}{architecture}={self.version}"


def as_root(command: Sequence[str]) -> list[str]:
    """The command, through sudo if we are not root."""
    return list(command) if os.geteuid() == 0 else ["sudo", *command]


def codename() -> str:
    """The running Debian release; anything else is refused."""
    text = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=(\w+)$", text, re.M)
    name = found.group(1) if found else "unknown"
    if not re.search(r"^ID=debian$", text, re.M) or name not in SUPPORTED:
        raise LabError("the lab sets itself up on Debian 12 and 13 (amd64); this is "
                       f"another system ({name})")
    return name


def system_update(log: Path) -> None:
    """Refresh the system's own package lists."""
    with ui.Phase("apt-get update"):
        proc.run(as_root(["apt-get", "update"]), log=log)


def archive_uri(log: Path) -> str:
    """The address of the Debian archive, as apt's configuration gives it."""
    for attempt in range(2):
        listed = proc.output(["apt-get", "indextargets", "--format",
                              "$(CREATED_BY)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"])
        for line in listed.splitlines():
            kind, origin, release, component, uri = line.split("|", 4)
            if (kind, origin, release, component) == ("Packages", "Debian", codename(), "main"):
                return uri
        if attempt == 0:
            system_update(log)
    raise LabError("apt knows no Debian archive for this release; add one to "
                   "/etc/apt/sources.list.d and run the lab again")


def system_sources() -> str:
    """The Debian entries of the system's apt configuration as a sources.list."""
    listed = proc.output(["apt-get", "indextargets", "--format",
                          "$(CREATED_BY)|$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"])
    entries = [line.split("|", 4) for line in listed.splitlines()]
    return "".join(f"deb [signed-by={keyring()}] {uri} {release} {component}\n"
                   for kind, origin, release, component, uri in entries
                   if (kind, origin) == ("Packages", "Debian"))


def keyring() -> str:
    """The file of the archive's public keys."""
    for name in KEYRINGS:
        if Path(name).exists():
            return name
    raise LabError("package debian-archive-keyring is missing")


def installed(names: Iterable[str]) -> set[str]:
    """Those of the named packages that are installed."""
    listed = proc.output(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *names],
                         check=False)
    return {line.split()[1] for line in listed.splitlines() if line.startswith("installed ")}


def later(left: str, right: str) -> int:
    """Compare two versions the way dpkg does."""
    if left == right:
        return 0
    newer = subprocess.run(["dpkg", "--compare-versions", left, "gt", right], check=False)
    return 1 if newer.returncode == 0 else -1


def newest(packages: Iterable[Package]) -> Package:
    """The package with the highest version."""
    by_version = functools.cmp_to_key(later)
    return max(packages, key=lambda package: by_version(package.version))


class PrivateApt:
    """An apt of our own in the cache, over several suites and architectures."""

    def __init__(self, suites: Sequence[str], log: Path) -> None:
        self._root = paths.cache() / "apt"
        self._log = log
        self._suites = suites
        self._lists = self._root / "lists"
        self._stamp = self._root / "updated"

    def options(self) -> list[str]:
        """The apt options that make apt use this root."""
        root = self._root
        settings = {
            "Dir::State": root / "state",
            "Dir::State::status": root / "state" / "status",
            "Dir::State::lists": self._lists,
            "Dir::Cache": root / "cache",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "",
            "Dir::Etc::sourcelist": self.sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            # A mirror that is frozen at some day is as good to us; its signature is
            # checked all the same.
            "Acquire::Check-Valid-Until": "false",
        }
        words = []
        for name, value in settings.items():
            words += ["-o", f"{name}={value}"]
        for architecture in ("amd64", "arm64"):
            words += ["-o", f"APT::Architectures::={architecture}"]
        return words

    @property
    def sources(self) -> Path:
        """Our own sources.list."""
        return self._root / "sources.list"

    def prepare(self, refresh: bool = False) -> None:
        """Have package lists; fetch them if there are none or `refresh` is set."""
        uri = archive_uri(self._log)
        text = "".join(f"deb [arch=amd64,arm64 signed-by={keyring()}] {uri} {suite} main\n"
                       for suite in self._suites)
        current = self.sources.exists() and self.sources.read_text() == text
        if current and self._stamp.exists() and not refresh:
            return
        for folder in ("lists/partial", "cache/archives/partial", "state"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        (self._root / "state" / "status").touch()
        self.sources.write_text(text)
        with ui.Phase("fetching the archive's package lists"):
            proc.run(["apt-get", *self.options(), "update"], log=self._log)
        self._stamp.touch()

    def names(self, pattern: str) -> list[str]:
        """Names of packages that match a regular expression from start to end."""
        literal = re.match(r"[a-z0-9+-]*", pattern)
        prefix = literal.group(0) if literal else ""
        listed = proc.output(["apt-cache", *self.options(), "pkgnames", prefix])
        return [name for name in listed.split() if re.fullmatch(pattern, name)]

    def offers(self, name: str, architecture: str) -> list[Package]:
        """All versions of a package, for an architecture or for all of them."""
        asked = [f"{name}:{architecture}", name]   # the second finds `all`
        text = proc.output(["apt-cache", *self.options(), "show", *asked], check=False)
        found = []
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.M))
            fits = fields.get("Architecture") in (architecture, "all")
            if fields.get("Package") == name and fits:
                found.append(Package(name, fields["Architecture"], fields["Version"],
                                     fields.get("Depends", "")))
        return found

    def package(self, name: str, architecture: str) -> Package:
        """The newest version of a package over all suites."""
        offers = self.offers(name, architecture)
        if not offers:
            raise LabError(f"the archive has no package {name} for {architecture}; try "
                           "`./lab setup --update` to refresh the package lists")
        return newest(offers)

    def released(self, name: str, architecture: str, suite: str) -> Package:
        """The version of a package that one suite has."""
        listed = proc.output(["apt-cache", *self.options(), "madison", f"{name}:{architecture}"])
        for line in listed.splitlines():
            version, where = (part.strip() for part in line.split("|")[1:3])
            if f" {suite}/" in where:
                return next(offer for offer in self.offers(name, architecture)
                            if offer.version == version)
        raise LabError(f"{suite} has no package {name} for {architecture}")

    def unpack(self, packages: Sequence[Package], into: Path) -> None:
        """Download packages and unpack their files below `into`."""
        debs = into.with_name(into.name + ".debs")
        debs.mkdir(parents=True, exist_ok=True)
        specs = [package.spec for package in packages]
        try:
            proc.run(["apt-get", *self.options(), "download", *specs], cwd=debs, log=self._log)
        except LabError:
            raise LabError(f"cannot download {' '.join(specs)}: the archive may have moved on "
                           f"since its lists were fetched; run `./lab setup --update`\n"
                           f"{proc.tail(self._log, 5)}") from None
        for deb in sorted(debs.glob("*.deb")):
            proc.run(["dpkg-deb", "-x", deb, into], log=self._log)
            deb.unlink()
        debs.rmdir()
