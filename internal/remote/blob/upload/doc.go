// Package upload sends a blob to a registry, and resumes interrupted uploads.
package upload
