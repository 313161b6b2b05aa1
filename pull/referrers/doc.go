// Package referrers finds the attachments of an artifact.
package referrers
