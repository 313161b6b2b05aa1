// Package referrers lists what refers to a manifest, and keeps the lists of registries that have no referrers API.
package referrers
