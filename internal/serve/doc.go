// Package serve serves image layouts as an OCI registry: the pull, push, content discovery, and content management parts of
// distribution-spec 1.1, over HTTP, without authentication. It implements the protocol and maps repository names to layouts. The
// Target of each layout reads and stores the content, and makes changes atomic.
package serve
