package mediatypes

// The annotations that Homebrew uses to find a bottle in an index.
const (
	BottleDigest = "sh.brew.bottle.digest"
	BottleTab    = "sh.brew.tab"
	// GitHubPackageType is the annotation with the type of a package for ghcr.io.
	GitHubPackageType = "com.github.package.type"
)
