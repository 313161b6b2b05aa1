// Package registry opens repositories of registries, image layouts in directories, and image layouts in tar archives,
// all as oras targets.
//
// [Parse] reads a reference, [New] or [FromEnvironment] makes a [Client], and [Client.Open] opens the [Target]. What a
// target can do beyond that is an interface with a name: [BlobPusher], [BlobFetcher], [FileFetcher], [Ranger], and
// [Inventory]. [Close] ends the use of a target.
//
// Requests to registries are repeated while that can help, by default for five minutes without progress, and Retry-After
// is honored. A large blob is downloaded over several connections, and an interrupted download or upload resumes, with a
// cache directory in another process too. Manifests have at most 4 MiB. Any number of processes may share a layout.
//
// All content from a registry is untrusted: sizes are bounded before memory is allocated, and manifests are verified
// before they are returned. A password goes to one registry, and neither errors nor traces show a secret.
//
// The module is at version 0: its API may change between minor versions.
package registry
