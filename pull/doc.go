// Package pull places the verified files of an artifact from any oras target in a directory, all of them or none. The packages
// below it read without writing: inspect, read, diff, referrers, and trust.
//
// Everything from a target is treated as hostile: manifests are bounded and parsed strictly, nothing is used before its
// digest and size are verified, names stay inside the destination (os.Root), and no link is followed out of it. The
// package does not pack (see package pack) and does not depend on a registry: sources are oras interfaces.
package pull
