// Package untrusted makes untrusted text safe to print.
package untrusted
