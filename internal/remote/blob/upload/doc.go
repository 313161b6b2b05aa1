// Package upload sends a blob to a registry, and resumes what was interrupted.
package upload
