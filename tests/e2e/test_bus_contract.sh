#!/usr/bin/env bash
# Both buses by one list of behaviours, the real one on a Kafka of its own. Prints TAP.
set -euo pipefail

cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
program=${BUS_CONTRACT:-build/tests/e2e/bus_contract}

end() {
    tools/kafka stop "$folder/kafka" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap end EXIT

broker=$(tools/kafka start --while $$ "$folder/kafka")
"$program" "$broker"
