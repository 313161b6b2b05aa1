// Package manifest describes OCI manifests and indexes: their types, limits, platforms, and the annotations that say how a
// layer is unpacked.
package manifest
