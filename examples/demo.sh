#!/bin/sh
# Packs a model, attaches an SBOM and a runbook to it, finds and reads them again, pulls everything back and compares:
# the main job, on an image layout in ./.demo. Needs nothing but davit and may be repeated. "make demo" builds davit first.
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

say 'A model, declared in a davit.yaml. "check" names every mistake in it, "pack" makes an artifact of it.'
run cat examples/model/davit.yaml
run davit check examples/model
run davit pack examples/model -o ./.demo/models:1.0.0

say 'The same files give the same digest, on every machine and every time.'
run davit pack examples/model -o ./.demo/again.tar:1.0.0
[ "$(davit resolve ./.demo/models:1.0.0)" = "$(davit resolve ./.demo/again.tar:1.0.0)" ]

say 'What belongs to it is attached to it. Plain files will do: their kind is read out of them.'
run davit attach examples/sbom/greeting.spdx.json examples/runbook/greeting-down.md ./.demo/models:1.0.0

say 'Whoever has the model finds what is attached.'
run davit discover ./.demo/models:1.0.0

say 'What is it? Nobody said what is in the config: it was read out of the model file.'
run davit inspect ./.demo/models:1.0.0

say 'And back into files: all of them and verified, or none.'
run davit pull ./.demo/models:1.0.0 -o ./.demo/pulled
for file in tiny-llama.gguf LICENSE chat_template.jinja; do
	run cmp "examples/model/$file" ".demo/pulled/$file"
done

say 'An attachment is an artifact like any other.'
runbook=$(davit discover ./.demo/models:1.0.0 --kind runbook --format go-template='{{(index .referrers 0).digest}}')
run davit pull "./.demo/models@$runbook" -o ./.demo/runbook
run cmp examples/runbook/greeting-down.md .demo/runbook/greeting-down.md

say 'The model with all that is attached moves as one, here into a file to carry.'
run davit copy --referrers ./.demo/models:1.0.0 ./.demo/carry.tar
run davit verify --referrers ./.demo/carry.tar

say 'Done: a model was packed, an SBOM and a runbook were attached to it and found again, and what was pulled is byte for
# byte what was declared. With a registry it is the same: write registry.example.com/models:1.0.0 for ./.demo/models:1.0.0.
# It all lies in ./.demo, an OCI image layout that oras, regctl, crane and skopeo read too.'
