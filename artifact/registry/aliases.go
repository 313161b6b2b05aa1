package registry

import (
	"github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// The types of options, targets, and their errors.
type (
	// Mode is the purpose that a target is opened for: reading or writing.
	Mode = reference.Mode
	// Repository is a repository of a registry.
	Repository = remote.Repository
	// Security configures how the connection to a registry is protected.
	Security = transport.Security
	// Credentials identify the user.
	Credentials = credentials.Options
	// Denied reports that the registry denied a request of this user.
	Denied = transport.Denied
	// Unavailable reports that the registry or the network failed after retries.
	Unavailable = transport.Unavailable
	// Missing reports that the registry does not have the object or the repository: errors.Is(err, errdef.ErrNotFound) holds.
	Missing = transport.Missing
	// Elsewhere reports an error at an address that the registry redirected the client to.
	Elsewhere = transport.Elsewhere
	// Answer is the part of a response that may be shown.
	Answer = transport.Answer
	// Layout is an image layout in a directory.
	Layout = layout.Layout
	// Archive is an image layout in a tar archive.
	Archive = archive.Archive
	// UnreferencedFile is a file of a layout or archive that nothing refers to.
	UnreferencedFile = catalog.UnreferencedFile
	// BlobWriter receives a blob piece by piece. Commit stores it if its digest matches.
	BlobWriter = layout.BlobWriter
)

// The modes of Open.
const (
	Read  = reference.Read
	Write = reference.Write
)

// ValidateTag returns an artifact.ErrInvalid that names the reason if a tag is invalid.
func ValidateTag(tag string) error { return reference.ValidateTag(tag) }
