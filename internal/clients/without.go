//go:build !clients

package clients

// Enabled reports whether the tests are built with the tag "clients" and so run other people's programs.
const Enabled = false
