// Package archive turns directory trees into deterministic tar archives and hostile tar archives into directory trees.
//
// Writing: a [Tree] is walked once (its entries can be cut into several archives with [Tree.Split]) and written with
// [Tree.Write], usually into a [Compressor]. The same tree gives the same bytes on any machine, under any umask, at any
// time, on any number of cores.
//
// Reading: [Read] iterates over an archive, [Extractor] unpacks archives below an os.Root. Both take the archive as it
// comes (gzip, zstd or plain, told apart by content), and refuse with an [*UnsafeError] that names the entry what could
// reach outside, could be read differently by another reader, or unpacks to more than its [Limits].
//
// The package knows nothing of OCI, of kinds and of final places: callers decide which files become a layer, and where
// an unpacked tree goes.
package archive
