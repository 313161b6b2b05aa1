// Package app contains the code that all commands share: flags and environment variables, access to registries and layouts, and prompts.
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
	Context  context.Context  // of the run; canceling it ends a wait for a pipe
	Debug    bool             // --debug
	Registry registry.Options // from the flags; the method client completes them
	Logins   Logins

	clients map[connection]*registry.Client
	cache   *pack.Cache
	timeout time.Duration         // --timeout; 0: no limit
	stop    func()                // stops the timer of --timeout
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

// The annotations of flags, and the name of a group in the help text.
const (
	flagVariable  = "davit/variable"       // annotation of a flag with its environment variable
	FlagGroup     = "davit/group"          // annotation of a flag with the name of its group
	RegistryFlags = "Flags for registries" // name of the group of flags for connections
)
