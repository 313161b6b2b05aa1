package mediatypes

// The annotations by which Homebrew finds a bottle in an index.
const (
	BottleDigest = "sh.brew.bottle.digest"
	BottleTab    = "sh.brew.tab"
	// GitHubPackageType tells ghcr.io what a package is.
	GitHubPackageType = "com.github.package.type"
)
