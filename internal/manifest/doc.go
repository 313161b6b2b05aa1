// Package manifest checks and interprets OCI manifests and indexes: their media types, limits, platforms, tags, and the annotations
// that determine how a layer is unpacked.
package manifest
