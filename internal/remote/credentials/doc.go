// Package credentials finds the credentials for a host where docker, podman, and their helpers keep them.
package credentials
