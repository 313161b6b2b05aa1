// Package registry opens repositories of registries, image layouts in directories, and image layouts in tar archives,
// all as oras targets.
//
// [Parse] reads a reference, [New] or [FromEnvironment] makes a [Client], and [Client.Open] opens the [Target]. Targets may
// have further abilities, each an interface: [BlobPusher], [BlobKeeper], [BlobFetcher], [FileFetcher], [Ranger], and
// [Inventory]. [Copy] copies between targets, [Referrers] lists attachments. Close, with the error of the work, ends the use
// of a target and writes an archive.
//
// # Defaults and limits
//
// Requests are repeated for up to 5 minutes without progress, and Retry-After is honored. A registry may be silent for 30
// seconds. A blob is downloaded over up to 8 connections, and 8 blobs are copied at once. From 8 MiB on, a download into a
// layout or archive resumes after an interruption; with a cache directory an upload does, also in another process.
//
// A manifest has at most 4 MiB, the index.json of a layout 32 MiB, and an archive 1,000,000 entries. Indexes are followed
// 16 levels deep. A subject has at most 10,000 referrers. Any number of processes may share a layout.
//
// # Security
//
// All content from a registry is untrusted: sizes are bounded before memory is allocated, and manifests are verified
// before they are returned. A password goes to one registry, and neither errors nor traces show a secret.
//
// # Stability
//
// The module is at version 0: its API may change between minor versions.
package registry
