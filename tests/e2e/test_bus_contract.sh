#!/usr/bin/env bash
# Both buses by one list of behaviours, the real one on a Kafka of its own that cleans and ends
# transactions without delay. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/../.."
folder=$(mktemp -d)

end() {
    tools/kafka stop "$folder/kafka" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap end EXIT

mkdir -p "$folder/kafka"
cat >"$folder/kafka/more.properties" <<'PROPERTIES'
log.cleaner.backoff.ms=100
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.min.session.timeout.ms=1000
PROPERTIES
broker=$(tools/kafka start --while $$ "$folder/kafka") || exit 1
failed=0
for program in bus_contract bus_contract_logs bus_contract_group; do
    "build/tests/e2e/$program" "$broker" || failed=1
done
exit $failed
