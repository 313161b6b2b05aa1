//go:build !clients

package clients

// Enabled reports whether the tests are built with the tag "clients", and so run third-party programs.
const Enabled = false
