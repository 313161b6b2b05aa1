// Package reference implements the grammar of references: tags, registries, and repositories.
package reference
