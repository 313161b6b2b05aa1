// Package place moves files from a stage to their names: all of them, or none.
package place
