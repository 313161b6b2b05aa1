// Package registry turns a string into an oras target: a repository of a registry, an image layout in a directory, or
// one in a tar archive.
//
// Parse reads the string, New holds what all transfers of one run share (connections, credentials, the retry policy),
// Client.Open gives the Target. Manifests, tags and referrers of a registry are oras-go's; blobs go through an engine of
// our own, because a large blob wants ranges over several connections, an upload that can be resumed, and one pass for
// hashing and sending.
//
// Everything that a registry says is hostile: sizes are bounded before memory is taken, digests are checked before bytes
// are given out, credentials stay at the origin they are for, and no error or trace shows a URL's query.
package registry
