package registry

import (
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// What callers need of the packages below.
type (
	// Mode says what a target is opened for.
	Mode = reference.Mode
	// Repository is a repository of a registry.
	Repository = remote.Repository
	// Security says how the connection to a registry is protected.
	Security = transport.Security
	// Credentials say who the user is.
	Credentials = credentials.Options
	// Denied is a registry's refusal to let this user do something.
	Denied = transport.Denied
	// Unavailable is a failure of the registry or of the network that repeating did not mend.
	Unavailable = transport.Unavailable
	// Answer is what a registry said.
	Answer = transport.Answer
)

// The modes of Open.
const (
	Read  = reference.Read
	Write = reference.Write
)

// ValidTag reports why a tag is invalid; nil: it is valid.
func ValidTag(tag string) error { return reference.ValidTag(tag) }
