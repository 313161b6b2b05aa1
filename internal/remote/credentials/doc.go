// Package credentials finds the credentials for a registry in the files and credential helpers of Docker and podman, and stores
// them there.
package credentials
