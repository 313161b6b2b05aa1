// Package untrusted makes text from strangers harmless to print.
package untrusted
