// Package compose makes a plan of a declaration: it finds the files, gives each a role in the kind, and lets the kind
// derive its config from a Draft. The kinds are passed in as a Table.
package compose
