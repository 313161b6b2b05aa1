// Package spec holds the types that describe an artifact: Spec (the declaration) and Plan (the content to pack), with
// the problems, errors, and progress events that go with them. It reads no files; package artifact makes the values.
package spec
