// Package kindwords suggests kinds for unknown names: misspelled names, and words that other tools use.
package kindwords

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/textdist"
)

// elsewhere lists in each line a kind and other words for it, from its tools, its file formats, and registries.
const elsewhere = `
artifacthub: artifact-hub
attestation: intoto in-toto provenance slsa
compose: docker-compose
docs: doc documentation markdown md site
feature: devcontainer devcontainer-feature dev-container
flux: fluxcd gitops
generic: any artifact blob file files raw
helm: chart charts helm-chart
image: container docker oci rootfs
manifests: k8s kubernetes yaml
model: dduf gguf huggingface llm safetensors weights
modelkit: kit kitops
modelpack: modctl
opa: bundle rego
opentofu-module: module terraform tofu
opentofu-provider: provider
report: codeql findings sarif scan trivy
sbom: bom cdx cyclonedx spdx
sif: apptainer singularity
signature: cosign sig
template: devcontainer-template
vex: csaf openvex
volume: backup
`

// Suggest returns a question such as `did you mean "sbom"?`, or "" if none of the names is similar.
func Suggest(typed string, names []string) string {
	typed = strings.ToLower(typed)
	for kind, words := range All() {
		if slices.Contains(words, typed) && slices.Contains(names, kind) {
			return fmt.Sprintf("did you mean %q?", kind)
		}
	}
	return textdist.DidYouMean(typed, names)
}

// All yields kinds with the other words for them.
func All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for line := range strings.Lines(strings.TrimSpace(elsewhere)) {
			kind, words, _ := strings.Cut(line, ":")
			if !yield(kind, strings.Fields(words)) {
				return
			}
		}
	}
}
