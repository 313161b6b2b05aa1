// Package api sends requests about one repository, with its credentials and scopes, and fetches and stores manifests.
package api
