package mediatypes

// The types of CNCF ModelPack.
const (
	ModelPackManifest = "application/vnd.cncf.model.manifest.v1+json"
	ModelPackConfig   = "application/vnd.cncf.model.config.v1+json"
)

// ModelPackModelfile is the manifest annotation in which modctl keeps the Modelfile.
const ModelPackModelfile = "org.cncf.modctl.modelfile"
