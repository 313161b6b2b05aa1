// Package artifact turns a declaration (davit.yaml, or plain files) into a Plan: the content of the manifest, and which
// files become which layers. Parse reads the declaration, Detect makes one for files that have none, and Compose checks it
// against a file system and a kind. The package uses no network and writes nothing; packages pack and pull transfer the
// artifacts.
package artifact
