#!/usr/bin/env bash
# tests/run counts what it must and lets nothing pass that it must not: seeded test programs.
set -u
cd "$(dirname "$0")/../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
n=0

# run_one BODY: runs a copy of tests/run whose only test program is BODY; sets out and rc.
run_one() {
    rm -rf "$copy/tests" && mkdir -p "$copy/tests/unit" "$copy/build"
    cp tests/run "$copy/tests/"
    [ -z "$1" ] || printf '%s\n' "$1" >"$copy/tests/unit/test_seed.sh"
    rc=0
    out=$(deps/venv/bin/python "$copy/tests/run" --timeout 2 2>&1) || rc=$?
}

# expect NAME BODY RC LAST [TEXT]: exit code, last line, and a text in the output.
expect() {
    run_one "$2"
    n=$((n + 1))
    if [ "$rc" -eq "$3" ] && [ "$(tail -n 1 <<<"$out")" = "$4" ] && [[ $out == *"${5:-}"* ]]; then
        echo "ok $n - $1"
    else
        echo "# exit code $rc, output:"
        sed 's/^/# /' <<<"$out"
        echo "not ok $n - $1"
    fi
}

expect "all passed" 'echo 1..2; echo ok 1 - a; echo ok 2 - b' 0 "2 passed, 0 failed"
expect "one failed, with its output" \
    'echo 1..2; echo ok 1; echo "# why"; echo not ok 2 - b; exit 1' 1 "1 passed, 1 failed" "# why"
expect "one skipped, with its reason" 'echo 1..2; echo ok 1; echo "ok 2 - b # SKIP no disk"' \
    0 "1 passed, 0 failed, 1 skipped" "no disk"
expect "cmocka's form of a skip" 'echo 1..2; echo ok 1; echo "not ok 2 # SKIP b"' \
    0 "1 passed, 0 failed, 1 skipped"
expect "a whole program skipped" 'echo "1..0 # SKIP no Kafka"' 1 "0 passed, 1 failed, 1 skipped" \
    "no test was run"
expect "two plans" 'echo 1..1; echo ok 1; echo 1..1; echo ok 1' 0 "2 passed, 0 failed"
expect "a plan at the end" 'echo ok 1; echo 1..1' 0 "1 passed, 0 failed"
expect "a plan not kept" 'echo 1..3; echo ok 1' 1 "1 passed, 1 failed" "planned 3 tests, ran 1"
expect "no plan" 'echo ok 1' 1 "1 passed, 1 failed" "no plan"
expect "a crash" 'echo 1..1; echo ok 1; kill -SEGV $$' 1 "1 passed, 1 failed" "died of SIGSEGV"
expect "an exit code" 'echo 1..1; echo ok 1; exit 3' 1 "1 passed, 1 failed" "exit code 3"
expect "a hang" 'echo 1..1; echo ok 1; sleep 60' 1 "1 passed, 1 failed" "longer than 2"
expect "no test at all" '' 1 "0 passed, 1 failed" "no test was run"
run_one ''
touch "$copy/tests/unit/test_unbuilt.c"
out=$(deps/venv/bin/python "$copy/tests/run" 2>&1)
n=$((n + 1))
if [ "$(tail -n 1 <<<"$out")" = "0 passed, 2 failed" ]; then
    echo "ok $n - a C test that was not built"
else
    echo "not ok $n - a C test that was not built"
fi
echo "1..$n"
