#!/usr/bin/env bash
# docker-compose.yml is a compose file by the compose schema, and what it says of foretell holds:
# its options and subcommands exist. The Dockerfile's two stages are of the same base.
set -u
cd "$(dirname "$0")/../.."
foretell=${FORETELL:-build/foretell}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
n=0

# result RC NAME
result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# The schema is the one that check-jsonschema carries: nothing is fetched.
conforms() {
    deps/venv/bin/check-jsonschema --builtin-schema vendor.compose-spec "$1" >"$scratch/out" 2>&1
}

conforms docker-compose.yml
rc=$?
[ $rc -eq 0 ] || sed 's/^/# /' "$scratch/out"
result $rc "docker-compose.yml conforms to the compose schema"

sed 's/restart: unless-stopped/restrat: always/' docker-compose.yml >"$scratch/bad.yml"
! conforms "$scratch/bad.yml"
result $? "the schema finds a misspelt key"

# Every FORETELL_ variable, in the compose file and the image, is an option.
$foretell config >"$scratch/options" 2>"$scratch/err"
rc=$?
for variable in $(grep -ohE 'FORETELL_[A-Z_]+' docker-compose.yml Dockerfile | sort -u); do
    option=$(tr 'A-Z_' 'a-z.' <<<"${variable#FORETELL_}")
    if ! grep -qF "$option" "$scratch/options"; then
        echo "# $variable: there is no option $option"
        rc=1
    fi
done
result $rc "every FORETELL_ variable is an option of foretell"

rc=0
for subcommand in topics run; do
    $foretell $subcommand --help >"$scratch/out" 2>&1 || rc=1
done
result $rc "foretell has the subcommands that the services run"

# With the services' environment, foretell gets as far as its options.
FORETELL_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 FORETELL_INSTANCE=stages-1 \
    FORETELL_REGISTRY_URL=http://registry:8080/apis/ccompat/v7 \
    $foretell config >"$scratch/out" 2>&1 && grep -q 'kafka:9092' "$scratch/out"
result $? "the services' environment is read"

deps/venv/bin/python - <<'PY'
import sys
from ruamel.yaml import YAML
services = YAML(typ="safe").load(open("docker-compose.yml"))["services"]
faults = []
for name, service in services.items():
    for other, how in service.get("depends_on", {}).items():
        if other not in services:
            faults.append(f"{name} depends on {other}, which is no service")
        elif how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
            faults.append(f"{name} waits for {other}'s health, which nothing checks")
    if service["image"] != "foretell" and not service["image"].split(":")[-1][0].isdigit():
        faults.append(f"{name}: {service['image']} has no version")
print("".join(f"# {f}\n" for f in faults), end="")
sys.exit(bool(faults))
PY
result $? "dependencies exist and have health checks, images have versions"

[ "$(grep -c "^FROM \${BASE}" Dockerfile)" -eq "$(grep -c '^FROM' Dockerfile)" ]
result $? "all stages of the Dockerfile have the same base"

# What the binary was linked with is what the image installs.
rc=0
if command -v dpkg-query >/dev/null && [ -x "$foretell" ]; then
    for library in $(objdump -p "$foretell" | awk '$1 == "NEEDED" { print $2 }'); do
        path=$(ldd "$foretell" | awk -v l="$library" '$1 == l { print $3 }')
        package=$(dpkg-query -S "$(readlink -f "$path")" 2>/dev/null | sed 's/:.*//' | head -n 1)
        case $package in
        libc6 | libgcc* | libstdc++6 | '') continue ;;
        esac
        if ! grep -qwF "$package" Dockerfile; then
            echo "# $library needs $package, which the image does not install"
            rc=1
        fi
    done
    result $rc "the image installs the libraries that the binary needs"
else
    n=$((n + 1))
    echo "ok $n - the image installs the libraries that the binary needs # SKIP not on Debian"
fi
echo "1..$n"
