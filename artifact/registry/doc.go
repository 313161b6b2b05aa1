// Package registry opens repositories of registries, image layouts in directories, and image layouts in tar archives,
// all as oras targets.
//
// [Parse] reads a reference, [New] or [FromEnvironment] makes a [Client], and [Client.Open] opens the [Target]. Targets may
// have further abilities, each an interface: [BlobPusher], [BlobKeeper], [BlobFetcher], [FileFetcher], [Ranger], and
// [Inventory]. [Copy] copies between targets, and [Referrers] lists attachments. Close ends the use of a target, and writes
// an archive unless it is called with an error.
//
// # Defaults and limits
//
// Requests are repeated for up to 5 minutes without progress, and Retry-After is honored. A registry may be silent for 30
// seconds. A blob is downloaded over up to 8 connections, and 8 blobs are copied at once. A download of 8 MiB or more into a
// layout or archive resumes after an interruption. With a cache directory, an upload does too, even in another process.
//
// The limits are 4 MiB for a manifest, 32 MiB for the index.json of a layout, 1,000,000 entries for an archive, 16 levels for
// nested indexes, and 10,000 referrers for a subject. Any number of processes may share a layout.
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
