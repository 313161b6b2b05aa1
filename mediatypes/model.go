package mediatypes

// The media types for Docker Model Runner. It writes ModelConfig for GGUF files and their companions, such as a chat template, and
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

// ModelPath is the annotation of a model's layer with the path of the file in the model's directory. ModelUntested is the annotation
// that is "true" if the media type of the layer is a guess.
const (
	ModelPath     = "org.cncf.model.filepath"
	ModelUntested = "org.cncf.model.file.mediatype.untested"
)

// The annotations of a model's manifest with comma-separated lists from the model card.
const (
	ModelBase = "dev.davit.model.base" // the base models, by their names on Hugging Face
	ModelTags = "dev.davit.model.tags"
)
