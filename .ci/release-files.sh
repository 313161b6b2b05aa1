#!/bin/sh
# Writes the files in the archives of a release, other than the program, to dist-files: manual pages, completions, and the licenses of
# the modules in the program.
set -eu
cd "$(dirname "$0")/.."
rm -rf dist-files
mkdir -p dist-files/completions dist-files/licenses
go run ./internal/man -date "$(git log -1 --format=%ct)" -man dist-files/man
CGO_ENABLED=0 go build -trimpath -o dist-files/davit.tmp ./cmd/davit
for shell in bash fish; do
	dist-files/davit.tmp completion $shell >dist-files/completions/davit.$shell
done
dist-files/davit.tmp completion zsh >dist-files/completions/_davit
rm dist-files/davit.tmp
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/davit | sort -u | while read -r module dir; do
	for file in "$dir"/LICENSE* "$dir"/COPYING* "$dir"/NOTICE*; do
		[ -f "$file" ] || continue
		cp "$file" "dist-files/licenses/$(echo "$module" | tr / _)-$(basename "$file")"
		chmod 644 "dist-files/licenses/$(echo "$module" | tr / _)-$(basename "$file")"
	done
done
