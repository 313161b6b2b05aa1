package mediatypes

// The types of Docker Model Runner. It writes ModelConfig for single GGUF files and the files that go with them, and
// ModelDirConfig for a directory, where every file is unpacked under its original path.
const (
	ModelConfig    = "application/vnd.docker.ai.model.config.v0.1+json"
	ModelDirConfig = "application/vnd.docker.ai.model.config.v0.2+json"

	ModelGGUF         = "application/vnd.docker.ai.gguf.v3"
	ModelSafetensors  = "application/vnd.docker.ai.safetensors"
	ModelDDUF         = "application/vnd.docker.ai.dduf"
	ModelProjector    = "application/vnd.docker.ai.mmproj"
	ModelChatTemplate = "application/vnd.docker.ai.chat.template.jinja"
	ModelLicense      = "application/vnd.docker.ai.license"
	ModelVLLMConfig   = "application/vnd.docker.ai.vllm.config.tar"
	ModelDir          = "application/vnd.docker.ai.dir.tar"
	ModelFile         = "application/vnd.docker.ai.model.file"
)

// ModelPath is the annotation of a model's layer with the path of the file in the model's directory. ModelUntested is "true"
// if its media type is a guess.
const (
	ModelPath     = "org.cncf.model.filepath"
	ModelUntested = "org.cncf.model.file.mediatype.untested"
)

// Annotations of a model's manifest from its card: lists with commas between their items.
const (
	ModelBase = "dev.davit.model.base" // the models that it was made from, by their names on the hub
	ModelTags = "dev.davit.model.tags"
)
