// Package compose makes a plan from a declaration: it finds the files, assigns each a role in the kind, and lets the kind
// derive its config from a Draft. The kinds are passed in as a Table.
//
// It is one package of more than 1,500 lines because a Draft and the entries that fill it check and change each other while
// files are found: a cut between them would export their fields.
package compose
