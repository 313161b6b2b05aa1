package artifact

import (
	"io/fs"

	"github.com/davit-oci/davit/mediatypes"
)

// kinds is the table of the built-in kinds.
func kinds() *Table {
	return &Table{Kinds: mediatypes.All(), Derive: derivations(), Tests: contentTests(), Settle: map[string]settleFunc{"compose": settleCompose}}
}

// derivations are the functions that mediatypes.Config.Derive names, one file each.
func derivations() map[string]deriveFunc {
	return map[string]deriveFunc{
		"attestation": statementConfig,
		"bottle":      bottleConfig,
		"collection":  collectionConfig,
		"compose":     composeConfig,
		"feature":     featureConfig,
		"flux":        fluxConfig,
		"helm":        helmConfig,
		"image":       imageConfig,
		"template":    templateConfig,
		"vex":         vexConfig,
		"wasm":        wasmConfig,
		"docs":        docsConfig,
		"runbook":     runbookConfig,
		"model":       modelConfig,
		"modelkit":    modelkitConfig,
		"modelpack":   modelpackConfig,
	}
}

// contentTests are the tests that mediatypes.LayerType.Content names.
func contentTests() map[string]contentTest {
	return map[string]contentTest{
		"bottle":          {expects: "a Homebrew bottle", find: isBottle},
		"csaf":            {expects: "CSAF", find: isCSAF},
		"cyclonedx-vex":   {expects: "CycloneDX with vulnerabilities and no components", find: isCycloneDXVEX},
		"dsse":            {expects: "a DSSE envelope", find: isDSSE},
		"in-toto":         {expects: "an in-toto statement", find: isInToto},
		"kitfile":         {expects: "a Kitfile", find: isKitfile, fault: kitfileFault},
		"modelfile":       {expects: "modctl's Modelfile", find: isModelfile},
		"no-modelfile":    {expects: "what is no Modelfile and no Kitfile", find: isNoModelfile},
		"openvex":         {expects: "OpenVEX", find: isOpenVEX},
		"sarif":           {expects: "SARIF", find: isSARIF},
		"sigstore-bundle": {expects: "a sigstore bundle", find: isSigstoreBundle},
		"chart":           {expects: "a directory with a Chart.yaml", find: isChart},
		"chart-archive":   {expects: "a packaged chart", find: isChartArchive, fault: chartFault},
		"collection":      {expects: "a directory of Dev Container Features or Templates", find: isCollection},
		"compose":         {expects: "a compose file", find: isCompose, fault: composeFault},
		"feature":         {expects: "a directory with a devcontainer-feature.json", find: isFeature},
		"gguf-projector":  {expects: "a multimodal projector in GGUF", find: isProjector},
		"manifests":       {expects: "a directory of Kubernetes manifests", find: isManifests},
		"rootfs":          {expects: "the root of a file system", find: isRootFS},
		"tar":             {expects: "a tar", find: isTar},
		"template":        {expects: "a directory with a devcontainer-template.json", find: isTemplate},
		"wasm":            {expects: "a WebAssembly binary", find: isWasm, fault: wasmFault},
		"cyclonedx-json":  {expects: "CycloneDX in JSON", find: cycloneDXJSON},
		"cyclonedx-xml":   {expects: "CycloneDX in XML", find: cycloneDXXML, fault: cycloneDXFault},
		"docs":            {expects: "a directory with an index page and nothing but pages", find: isDocs},
		"runbook":         {expects: "Markdown with alerts, severity or service in its front matter", find: isRunbook},
		"spdx-json":       {expects: "SPDX in JSON", find: spdxJSON},
		"spdx-tag-value":  {expects: "SPDX as tag: value", find: spdxTagValue},
	}
}

// Parse reads a davit.yaml. Problems name the file by name; "-" is standard input. The error is Problems, all at once. A
// Spec returned with Problems holds what could be read: Compose refuses it, and reports the same problems together with
// those that it finds in the files. The Spec is nil only if nothing could be read.
func Parse(name string, data []byte) (*Spec, error) { return parseSpec(kinds().Catalog(), name, data) }

// ParseKind reads a kind file: a kind that is not built in, with the fields of mediatypes.Kind. The error is Problems.
func ParseKind(name string, data []byte) (mediatypes.Kind, error) {
	return parseKind(kinds().Catalog(), name, data)
}

// Schema returns a JSON Schema (2020-12): of davit.yaml if kind is empty, else of the config of that built-in kind.
func Schema(kind string) ([]byte, error) {
	if kind == "" {
		return SpecSchema()
	}
	known := kinds().Catalog()
	k, ok := known.Lookup(kind)
	if !ok {
		return nil, known.UnknownKind(kind)
	}
	return ConfigSchema(k)
}

// Compose decides what an artifact will be: it finds the declared files, gives each its role in the kind, and reads the
// config from them. It writes nothing, and the same tree gives the same plan. The error is Problems, all at once. Messages
// about links are better if the file system implements fs.ReadLinkFS, as that of os.Root does.
func Compose(fsys fs.FS, spec *Spec) (*Plan, error) { return kinds().Compose(fsys, spec) }

// Detect makes a Spec of plain files and directories. The kind is the given one, or the one that the names and contents
// of the files show; the notes then give the evidence. If several kinds fit, the error is an *AmbiguousError. If none
// fits, the kind is generic, unless a file is broken and its name says that it belongs to a kind: that is an error.
func Detect(fsys fs.FS, paths []string, kind string) (*Spec, []string, error) {
	return kinds().Detect(fsys, paths, kind)
}

// InKind makes a Spec of plain files and directories of a kind: a built-in one, or one that ParseKind returned.
func InKind(fsys fs.FS, paths []string, kind mediatypes.Kind) (*Spec, error) {
	return kinds().InKind(fsys, paths, kind)
}

// Starter writes a commented davit.yaml for the files of a directory, of the given kind (the path of a kind file is
// relative to the directory) or the one that the files show. It composes as it is. SBOMs, runbooks, and other kinds that
// are mostly attached become referrers of the rest.
func Starter(fsys fs.FS, dir, kind string) ([]byte, error) { return kinds().Starter(fsys, dir, kind) }
