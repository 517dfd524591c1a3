#!/usr/bin/env bash
# Every test that docs/faults.md names is there, and every code that it names is in the sources.
set -u
cd "$(dirname "$0")/../.." || exit 1
echo "1..3"
table=docs/faults.md
bad=0 count=0
while IFS=$'\t' read -r file words; do
	count=$((count + 1))
	grep -qF -- "$words" "tests/$file" 2>/dev/null || {
		echo "# tests/$file has nothing called \"$words\""
		bad=1
	}
done < <(grep -oE '`[a-z0-9/_]+\.(py|c|sh)` "[^"]+"' "$table" |
	sed -E 's/^`([^`]+)` "(.*)"$/\1\t\2/')
[ "$bad" -eq 0 ] && [ "$count" -gt 30 ] || printf "not "
echo "ok 1 - the tests of all faults are there ($count)"
bad=0
while IFS= read -r row; do
	grep -qE '`[a-z0-9/_]+\.(py|c|sh)` "[^"]+" \|$|" \|$' <<<"$row" || {
		echo "# no test: $row"
		bad=1
	}
done < <(grep -E '^\| ' "$table" | grep -vE '^\| what happens ')
[ "$bad" -eq 0 ] || printf "not "
echo "ok 2 - every row has a test"
bad=0
for code in $(grep -oE '`[A-Z]+_[A-Z_]+`' "$table" | tr -d '`' | sort -u); do
	grep -rqF "\"$code\"" base kafka state runtime consumers cli schemas || {
		echo "# no source has the code $code"
		bad=1
	}
done
[ "$bad" -eq 0 ] || printf "not "
echo "ok 3 - every code is one of foretell's"
