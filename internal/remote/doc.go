// Package remote is the client for registries: repositories with their manifests, blobs, and referrers.
package remote
