// Package reference has the grammar of references: tags, registries, and repositories.
package reference
