// Package credentials finds the credentials for a registry in the files and credential helpers of docker and podman, and stores
// them there.
package credentials
