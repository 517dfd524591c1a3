#!/usr/bin/env bash
# What is generated from the code is as the code has it, and what the documents link to is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
foretell=${FORETELL:-build/foretell}
echo "1..2"
if diff -u docs/configuration.md <("$foretell" config --reference); then
	echo "ok 1 - docs/configuration.md is what foretell config --reference prints"
else
	echo "# mend: build/foretell config --reference > docs/configuration.md"
	echo "not ok 1 - docs/configuration.md is what foretell config --reference prints"
fi
missing=0
while IFS=: read -r file link; do
	target=${link%%#*}
	[ -z "$target" ] || [ -e "$(dirname "$file")/$target" ] || {
		echo "# $file links to $target, which is not there"
		missing=1
	}
done < <(grep -oE '\]\([^)h][^)]*\)' README.md docs/*.md 2>/dev/null |
	sed -E 's/^([^:]+):\]\(([^)]*)\)$/\1:\2/')
[ "$missing" -eq 0 ] || printf "not "
echo "ok 2 - every link leads somewhere"
