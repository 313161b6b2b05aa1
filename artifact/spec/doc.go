// Package spec holds the types that describe an artifact: Spec, what is declared, and Plan, what will be packed, with
// the problems, errors, and progress events that go with them. It reads no files; package artifact makes the values.
package spec
