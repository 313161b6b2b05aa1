// Package manifest knows OCI manifests and indexes: their kinds, limits, platforms, and the annotations that say how a
// layer is unpacked.
package manifest
