// Package remote implements the client for registries: it opens repositories with their manifests, blobs, and referrers.
package remote
