// Package pull reads artifacts from any oras target, as verified files or as information about them.
//
// Artifact fetches what a reference leads to and places its files in a directory, all of them or none. Inspect,
// Referrers, List, Cat, Diff and Verify read without writing.
//
// Everything from a target is treated as hostile: manifests are bounded and parsed strictly, nothing is used before its
// digest and size are verified, names stay inside the destination (os.Root), and no link is followed out of it. The
// package does not pack (see package pack) and does not depend on a registry: sources are oras interfaces.
package pull
