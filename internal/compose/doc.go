// Package compose makes a plan from a declaration: it finds the files, assigns each a role in the kind, and lets the kind
// derive its config from a Draft. The kinds are passed in as a Table.
package compose
