#!/usr/bin/env bash
# tools/kafka: two brokers at once, data that outlives a restart, nothing left behind.
set -u
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'tools/kafka stop "$scratch/a"; tools/kafka stop "$scratch/b"; rm -rf "$scratch"' EXIT
n=0

result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# A lock that is held while a broker starts must be free as soon as its holder lets go.
exec 7>"$scratch/lock"
flock 7
# The second one's owner is this sleep.
sleep 300 7>&- &
owner=$!
tools/kafka start "$scratch/a" >"$scratch/address-a" & first=$!
tools/kafka start --while $owner "$scratch/b" 0 >"$scratch/address-b" & second=$!
wait $first && wait $second
result $? "two start at once"
a=$(cat "$scratch/address-a") b=$(cat "$scratch/address-b")
[ "$a" != "$b" ] && [[ $a == 127.0.0.1:* ]] && [[ $b == 127.0.0.1:* ]]
result $? "each prints an address of its own"

exec 7>&-
flock -n "$scratch/lock" true
result $? "a broker inherits no lock"

tools/kafka status "$scratch/a" | grep -qF "running $a"
result $? "status of one that runs"
! tools/kafka start "$scratch/a" >/dev/null 2>&1
result $? "no second start in the same folder"

deps/venv/bin/python - "$a" <<'PY'
import sys
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": sys.argv[1]})
admin.create_topics([NewTopic("t", 1, 1)])["t"].result(20)
PY
echo "one" | kcat -P -b "$a" -t t 2>/dev/null
result $? "it takes a record"
! echo "one" | kcat -P -b "$a" -t unknown -X message.timeout.ms=3000 >/dev/null 2>&1
result $? "it creates no topic by itself"

tools/kafka stop "$scratch/a"
tools/kafka status "$scratch/a" >/dev/null
[ $? -eq 3 ]
result $? "stop"
tools/kafka stop "$scratch/a"
result $? "stop of one that doesn't run"
[ "$(tools/kafka start "$scratch/a")" = "$a" ]
result $? "the same address after a restart"
[ "$(kcat -C -b "$a" -t t -e -q)" = one ]
result $? "the record is still there"

pid=$(cat "$scratch/b/kafka.pid")
kill $owner
for ((i = 0; i < 150; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
! kill -0 "$pid" 2>/dev/null
result $? "one started with --while ends with its owner"
echo "1..$n"
