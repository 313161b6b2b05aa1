// Package untrusted makes untrusted text harmless to print.
package untrusted
