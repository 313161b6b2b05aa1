// Package artifact turns a declaration (davit.yaml, or plain files) into a Plan: what the manifest will say and which
// files become which layers. Parse reads the declaration, Detect makes one for files that have none, Compose checks it
// against a file system and a kind. The package uses no network and writes nothing; packages pack and pull move what
// it describes.
package artifact
