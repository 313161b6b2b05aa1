// Package api sends requests about one repository of a registry, with its credentials and scopes, and fetches and stores
// manifests.
package api
