// Package pull reads artifacts: from any oras target to verified files, and to what people want to know about them.
//
// Artifact fetches what a reference leads to and places its files in a directory, all of them or none. Inspect,
// Referrers, List, Cat, Diff and Verify read without writing.
//
// Everything that comes from a target is taken for hostile: manifests are bounded and parsed strictly, nothing is used
// before its digest and size are verified, names stay inside the destination (os.Root), and no link is followed out of
// it. The package packs nothing (package pack does) and knows no registry: sources are oras's interfaces.
package pull
