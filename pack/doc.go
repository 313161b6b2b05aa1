// Package pack turns an artifact.Plan into blobs and manifests, and sends them to any oras target.
//
// Artifact hashes the files that the plan declares and returns a Source, an oras.ReadOnlyTarget over them: nothing is copied.
// Push does the same and sends the artifact in the process, in one pass if the target accepts a blob whose digest is not
// known yet. Attach pushes an artifact as a referrer of another one. Index puts separately pushed manifests under one index.
// Existing content is not sent again, and a tag moves only after everything it refers to exists.
//
// The package reads no davit.yaml (see package artifact) and depends on no registry: targets are oras interfaces.
package pack
