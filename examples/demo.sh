#!/bin/sh
# Packs a model, attaches an SBOM and a runbook to it, finds and reads them again, pulls everything back and compares:
# the main job, on an image layout in ./.demo. Needs only davit and may be repeated. "make demo" builds davit first.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD:$PATH
export PATH
rm -rf .demo

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR-}" ] || say() { printf '\n# %s\n' "$*"; }
run() {
	echo "\$ $*"
	"$@"
}

say 'A model, declared in a davit.yaml. "check" reports every mistake in it, "pack" makes an artifact of it.'
run cat examples/model/davit.yaml
run davit check examples/model
run davit pack examples/model -o ./.demo/models:1.0.0

say 'The same files have the same digest, on every machine and every time.'
run davit pack examples/model -o ./.demo/again.tar:1.0.0
[ "$(davit resolve ./.demo/models:1.0.0)" = "$(davit resolve ./.demo/again.tar:1.0.0)" ]

say 'An SBOM and a runbook are attached to it, as plain files: davit detects their kind.'
run davit attach examples/sbom/greeting.spdx.json examples/runbook/greeting-down.md ./.demo/models:1.0.0

say 'The attachments are found from the model.'
run davit discover ./.demo/models:1.0.0

say 'What is it? The config was read from the model file.'
run davit inspect ./.demo/models:1.0.0

say 'A pull places all files, verified, or none.'
run davit pull ./.demo/models:1.0.0 -o ./.demo/pulled
for file in tiny-llama.gguf LICENSE chat_template.jinja; do
	run cmp "examples/model/$file" ".demo/pulled/$file"
done

say 'An attachment is an artifact like any other.'
runbook=$(davit discover ./.demo/models:1.0.0 --kind runbook --format '{{(index .referrers 0).digest}}')
run davit pull "./.demo/models@$runbook" -o ./.demo/runbook
run cmp examples/runbook/greeting-down.md .demo/runbook/greeting-down.md

say 'The model and its attachments are copied together, here into one file.'
run davit copy --referrers ./.demo/models:1.0.0 ./.demo/carry.tar
run davit verify --referrers ./.demo/carry.tar

say 'Done: a model was packed, an SBOM and a runbook were attached to it and found again, and the pulled files equal
# the declared ones, byte for byte. It works the same with a registry: write registry.example.com/models:1.0.0 for ./.demo/models:1.0.0.
# Everything is in ./.demo, an OCI image layout that oras, regctl, crane and skopeo read too.'
