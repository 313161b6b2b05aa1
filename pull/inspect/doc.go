// Package inspect reads manifests and configs, and verifies everything they reach, without placing files.
package inspect
