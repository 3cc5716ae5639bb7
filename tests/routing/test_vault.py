"""Credentials kept on disk: back as they were, private, and of no use without the key."""

from pathlib import Path

import pytest

from routing.decider.follower import Credential
from routing.decider.vault import Vault

HELD = [Credential(7, "u1001", "d41d8cd98f00b204e9800998ecf8427e"), Credential(9, "ünlü", "0" * 32)]


def vault(folder: Path, secret: str = "a secret", algorithm: str = "MD5", realm: str = "voipbilling") -> Vault:
    return Vault(folder / "deciders" / "decider-1.credentials", secret, algorithm, realm)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    vault(tmp_path).save(HELD)
    assert vault(tmp_path).load() == HELD


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Neither another user of the machine, nor who has the file alone."""
    kept = vault(tmp_path)
    kept.save(HELD)
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700
    content = kept.path.read_bytes()
    assert b"u1001" not in content
    assert HELD[0].ha1.encode() not in content


@pytest.mark.parametrize("other", [{"secret": "another"}, {"algorithm": "SHA-256"}, {"realm": "example.net"}])
def test_another_key_algorithm_or_realm_finds_nothing(tmp_path: Path, other: dict[str, str]) -> None:
    """A hash of another realm would refuse every phone."""
    vault(tmp_path).save(HELD)
    assert vault(tmp_path, **other).load() is None


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 100, b"gAAAAA"])
def test_a_missing_or_torn_file_is_as_none(tmp_path: Path, content: bytes | None) -> None:
    kept = vault(tmp_path)
    if content is not None:
        kept.path.parent.mkdir()
        kept.path.write_bytes(content)
    assert kept.load() is None
