// Package app has what all commands share: the flags and the environment, access to registries and layouts, and questions to
// the user.
package app

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/pack"
)

// App is one run of davit.
type App struct {
	printer.Printer
	Stdin    io.Reader
	Context  context.Context  // of the run, for reading pipes, whose writer may never come
	Debug    bool             // of --debug
	Registry registry.Options // from the flags; Client completes them
	Logins   Logins

	clients map[connection]*registry.Client
	cache   *pack.Cache
	timeout time.Duration         // of --timeout; 0: none
	stop    func()                // ends the timer of the timeout
	failing atomic.Pointer[error] // see Failing
}

// The groups of commands in the help text.
const (
	GroupDeclare  = "declare"
	GroupMove     = "move"
	GroupAttach   = "attach"
	GroupLook     = "look"
	GroupRegistry = "registry"
	GroupTrust    = "trust"
	GroupOther    = "other"
)

// The groups of flags in the help text.
const (
	flagVariable  = "davit/variable"       // annotation of a flag with its environment variable
	FlagGroup     = "davit/group"          // annotation of a flag with the name of its group
	RegistryFlags = "Flags for registries" // group of the flags of every transfer
)
