// Package pack turns an artifact.Plan into blobs and manifests, and sends them to any oras target.
//
// Artifact hashes what the plan declares and gives a Source, an oras.ReadOnlyTarget over the declared files: nothing is
// copied. Push does the same and sends it on the way, in one pass where the target can take a blob whose digest is not
// known yet. Attach pushes an artifact as a referrer of another one, Index puts manifests that were pushed apart under
// one index. What is there already is not sent again, and a tag moves when everything it leads to is there.
//
// The package reads no davit.yaml (package artifact does) and knows no registry: targets are oras's interfaces.
package pack
