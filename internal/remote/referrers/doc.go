// Package referrers lists the referrers of a manifest, and maintains their lists in registries without the referrers API.
package referrers
