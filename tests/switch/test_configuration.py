"""Rendering: every setting reaches Kamailio, Kamailio accepts the whole, and what cannot work is said in words."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from switch.environment import settings_from
from switch.render import (
    HERE,
    SettingsError,
    SwitchSettings,
    redis_server,
    render,
    substitutions,
)

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def settings(folder: Path, **values: Any) -> SwitchSettings:
    usual = {
        "listen": ["127.0.0.1"],
        "redis_url": "redis://127.0.0.1:6379",
        "run_dir": folder / "run",
        "record_dir": folder / "record",
        "state_dir": folder,
    }
    return SwitchSettings(**(usual | values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"listen": ["127.0.0.1", "::1", "192.0.2.1"]},
        {"tcp": False, "ping_interval": 0},
        {"tls_port": 5061, "listen": ["127.0.0.1", "::1"]},
        {"listen": ["127.0.0.1", "::1"], "relay_control": "127.0.0.1:2223"},
        {"digest_algorithm": "SHA-256"},
        {"not_registered_code": 480, "workers": 1, "no_response_timeout": 0.5},
        {"redis_url": "redis://:p4ss@127.0.0.1:6379"},
        {"redis_url": "unix:///run/redis/redis.sock"},
    ],
    ids=str,
)
def test_kamailio_accepts_what_is_rendered(values: dict[str, Any], tmp_path: Path) -> None:
    """`kamailio -c` reads every file, resolves every module parameter and every route."""
    if not KAMAILIO:
        pytest.skip("kamailio is not installed")
    path = render(tmp_path, settings(tmp_path, **values))
    checked = subprocess.run([KAMAILIO, "-c", "-f", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "config file ok" in checked.stderr
    assert not re.search(r"\b(ERROR|CRITICAL|WARNING)\b", checked.stderr), checked.stderr


def test_the_rendered_file_is_private(tmp_path: Path) -> None:
    """It holds the password of Redis."""
    path = render(tmp_path, settings(tmp_path, redis_url="redis://:s3cret@127.0.0.1:6379"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "s3cret" in path.read_text()


def test_the_local_record_is_private(tmp_path: Path) -> None:
    """It tells who called whom; a folder of an earlier version is closed too."""
    chosen = settings(tmp_path)
    chosen.record_dir.mkdir(parents=True, mode=0o755)
    render(tmp_path, chosen)
    assert chosen.record_dir.stat().st_mode & 0o777 == 0o700


def test_every_word_has_a_value_and_every_value_a_use(tmp_path: Path) -> None:
    """A word that stays unreplaced would be a silent misconfiguration."""
    static = "\n".join(path.read_text() for path in HERE.glob("*.cfg"))
    used = set(re.findall(r"\bVB_([A-Z0-9_]+)", static))
    assert used == set(substitutions(settings(tmp_path)))


def test_every_route_that_is_called_exists_and_the_other_way_round() -> None:
    """Kamailio complains about neither a typo in a rarely used route nor a route nobody calls."""
    static = re.sub(r"(?m)#.*$", "", "\n".join(path.read_text() for path in HERE.glob("*.cfg")))
    defined = set(re.findall(r"(?m)^(?:\w+_)?route\[([A-Z0-9_]+)\]", static))
    called = set(re.findall(r"\broute\(([A-Z0-9_]+)\)", static))
    called |= set(re.findall(r't_on_(?:failure|reply|branch)\("([A-Z0-9_]+)"\)', static))
    called |= {word for groups in re.findall(r'timeout_route\) = "(\w+)"|route=(\w+)"|t_continue\(.*"(\w+)"\)', static)
               for word in groups}  # fmt: skip
    assert called - {""} == defined


def test_every_file_is_included_and_small() -> None:
    spine = (HERE / "kamailio.cfg").read_text()
    for path in HERE.glob("*.cfg"):
        assert path.name == "kamailio.cfg" or f'include_file "{path.name}"' in spine
        assert len(path.read_text().splitlines()) < 400


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"listen": []}, "SIP_LISTEN"),
        ({"listen": ["sip.example.com"]}, "SIP_LISTEN"),
        ({"sip_port": 0}, "SIP_PORT"),
        ({"name": "sw 1"}, "SWITCH_NAME"),
        ({"realm": 'x"; exec("rm")'}, "SIP_REALM"),
        ({"digest_algorithm": "MD4"}, "SIP_DIGEST_ALGORITHM"),
        ({"evapi_listen": "localhost"}, "EVAPI_LISTEN"),
        ({"redis_url": "http://x"}, "REDIS_URL"),
        ({"not_registered_code": 200}, "SIP_NOT_REGISTERED_CODE"),
        ({"min_expires": 900}, "expires"),
        ({"keepalive_interval": 5}, "SIP_KEEPALIVE_INTERVAL"),
        ({"max_call_seconds": 0}, "MAX_CALL_SECONDS"),
        ({"run_dir": Path("run")}, "absolute"),
        ({"run_dir": Path("/" + "x" * 120)}, "UNIX socket"),
        ({"record_dir": Path("/tmp/a b")}, "record folder"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_named(values: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        settings(tmp_path, **values).check()


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SIP_LISTEN.*SIP_PORT"):
        settings(tmp_path, listen=[], sip_port=70000).check()


def test_addresses_are_written_as_kamailio_reads_them() -> None:
    assert redis_server("redis://:s%21@h:1") == "addr=h;port=1;db=0;pass=s!"
    assert redis_server("unix:///x.sock") == "unix=/x.sock;db=0"


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "SIP_LISTEN": "192.0.2.1, [2001:db8::1]",
        "REDIS_URL": "redis://h",
        "VOIPBILLING_DATA": str(tmp_path),
        "VOIPBILLING_RUN": str(tmp_path),
        "SIP_MIN_EXPIRES": "30",
    }
    made = settings_from(environment)
    assert (made.listen, made.min_expires) == (["192.0.2.1", "2001:db8::1"], 30)
    with pytest.raises(SettingsError, match="SIP_PORT"):
        settings_from(environment | {"SIP_PORT": "sip"})
    with pytest.raises(SettingsError, match="REDIS_URL"):
        settings_from(environment | {"REDIS_URL": ""})
