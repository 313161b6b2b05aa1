// Package inspect reads manifests and configs, and verifies all content that they refer to, without placing files.
package inspect
