package mediatypes

// The types of a KitOps ModelKit.
const (
	ModelKitManifest = "application/vnd.kitops.modelkit.manifest.v1+json"
	ModelKitConfig   = "application/vnd.kitops.modelkit.config.v1+json"
)

// ModelKitSubtype is the annotation of a layer that distinguishes a prompt from other code.
const ModelKitSubtype = "ml.kitops.modelkit.layer-subtype"
