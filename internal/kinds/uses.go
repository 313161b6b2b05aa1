package kinds

// Use is a purpose, and the kinds for it.
type Use struct {
	Name  string
	Kinds []string
}

// Uses lists the purposes of the built-in kinds, in the order in which people look for them. Each kind has one use.
func Uses() []Use {
	return []Use{
		{"models", []string{"model", "modelcar", "modelkit", "modelpack", "ollama"}},
		{"agents", []string{"agent", "skill", "skills"}},
		{"clusters", []string{"artifacthub", "flux", "helm", "helm-plugin", "manifests", "tekton-bundle"}},
		{"configuration", []string{"cue", "opentofu-module", "opentofu-provider"}},
		{"policies and rules", []string{"conftest", "falco-asset", "falco-plugin", "falco-rules", "opa"}},
		{"programs and containers", []string{"binary", "bottle", "compose", "image", "sif", "volume", "wasm"}},
		{"dev containers", []string{"collection", "feature", "template"}},
		{"documents", []string{"docs", "runbook"}},
		{"attached to other artifacts", []string{"attestation", "report", "sbom", "signature", "vex"}},
		{"anything else", []string{"generic"}},
	}
}
