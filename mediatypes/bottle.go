package mediatypes

// The annotations that Homebrew uses to find a bottle in an index.
const (
	BottleDigest = "sh.brew.bottle.digest"
	BottleTab    = "sh.brew.tab"
	// GitHubPackageType tells ghcr.io the type of a package.
	GitHubPackageType = "com.github.package.type"
)
