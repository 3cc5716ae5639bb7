"""What SIP over TLS needs beside Kamailio's configuration: a certificate, the module's own file, and a guard in C.

Pure standard library, and the programs `openssl` and any C compiler.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILERS = ("cc", "gcc", "clang", "tcc")
# Those who accept a certificate that nobody signed do not look at its end; it is made anew when it is past.
SELF_SIGNED_DAYS = 3650


class TlsError(ValueError):
    """TLS cannot work like this, in words for whoever runs the switch."""


def prepare(
    folder: Path, names: list[str], certificate: Path | None = None, key: Path | None = None
) -> tuple[Path, Path]:
    """Return the paths of certificate and key, made and signed by itself below `folder` where none is given.

    Raise TlsError where they cannot be read or do not belong together.
    """
    if (certificate is None) != (key is None):
        raise TlsError("SIP_TLS_CERTIFICATE and SIP_TLS_KEY: set both, or none")
    if certificate is None or key is None:
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        if not _is_valid(certificate, key):
            _sign_own(certificate, key, names)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, TlsError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise TlsError(f"SIP_TLS_CERTIFICATE {certificate} with SIP_TLS_KEY {key}: {reason}") from error
    return certificate, key


def _no_password() -> str:
    raise TlsError("the key is encrypted; the switch starts without anybody to type its password")


def _is_valid(certificate: Path, key: Path) -> bool:
    if not (certificate.exists() and key.exists()):
        return False
    program = _program("openssl")
    command = [program, "x509", "-checkend", "0", "-noout", "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 no shell


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise TlsError(f"TLS needs {name}: apt-get install {name}, or set SIP_TLS_PORT=off")
    return found


def _sign_own(certificate: Path, key: Path, names: list[str]) -> None:
    """Write a key and a certificate for these addresses and host names (RFC 5922 §7.1 wants them as subjectAltName)."""
    certificate.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shown = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in dict.fromkeys(names)) or "DNS:sip"
    new = [path.with_suffix(".new") for path in (certificate, key)]
    command = [
        _program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", str(SELF_SIGNED_DAYS), "-subj", "/CN=voipbilling", "-addext", f"subjectAltName={shown}",
        "-out", str(new[0]), "-keyout", str(new[1]),
    ]  # fmt: skip
    result = subprocess.run(  # noqa: S603 no shell, no stranger's words
        command, capture_output=True, text=True, check=False, umask=0o077
    )
    if result.returncode != 0:
        raise TlsError(f"openssl made no certificate: {(result.stderr.strip().splitlines() or ['no word'])[-1]}")
    for path, target in zip(new, (certificate, key), strict=True):
        path.chmod(0o600)
        path.replace(target)


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


def module_configuration(certificate: Path, key: Path) -> str:
    """Return the file that the tls module reads at the start and at each `tls.reload`.

    Phones have no certificates, so none is asked for; whom the switch itself connects to (a carrier that has closed
    its connection, inside a call) is known by its address.
    """
    common = "method = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n"
    return (
        "# Rendered by switch/tls.py at each start; edit the settings, not this file.\n"
        f"[server:default]\n{common}private_key = {key}\ncertificate = {certificate}\n\n[client:default]\n{common}"
    )


def build_guard(folder: Path) -> Path:
    """Compile fork_safety.c into `folder` unless that was done already, and return what is to be preloaded.

    Raise TlsError where that cannot be: without it TLS would be on, and a scan would end the switch.
    """
    guard = _compiled(folder)
    # The loader only grumbles and goes on where it may not load (a data folder mounted noexec).
    tried = subprocess.run(  # noqa: S603 as above
        [_program("true")], env={"LD_PRELOAD": str(guard)}, capture_output=True, text=True, check=False
    )
    if tried.returncode or tried.stderr:
        raise TlsError(f"TLS needs {guard}, which cannot be loaded ({tried.stderr.strip()}); or set SIP_TLS_PORT=off")
    return guard


def _compiled(folder: Path) -> Path:
    source = HERE / "fork_safety.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = folder / f"fork_safety-{os.uname().machine}-{digest}.so"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = target.with_suffix(f".{os.getpid()}")
    said = "no C compiler was found"
    for name in COMPILERS:
        if not shutil.which(name):
            continue
        command = [name, "-shared", "-fPIC", "-nostdlib", "-o", str(made), str(source)]
        result = subprocess.run(  # noqa: S603 as above
            command, capture_output=True, text=True, check=False, umask=0o077
        )
        if result.returncode == 0:
            made.replace(target)
            return target
        said = f"{name}: {(result.stderr.strip().splitlines() or ['failed'])[-1]}"
    raise TlsError(
        f"TLS needs a C compiler for switch/fork_safety.c ({said}): apt-get install tcc, or SIP_TLS_PORT=off"
    )
