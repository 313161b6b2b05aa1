package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/habits"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Environment is the help text about environment variables.
const Environment = `Flags about registries and output can be set in the environment: DAVIT_PLAIN_HTTP=true is --plain-http. So can
--verify-key (one FILE per line) and --addr. Flags that describe an artifact, or that remove a safeguard of a command, can't.
DAVIT_PASSWORD, DAVIT_FROM_PASSWORD, and DAVIT_TO_PASSWORD are passwords or tokens. DAVIT_CACHE_DIR is the directory of the
cache, DAVIT_PAGER the pager of "davit show". SOURCE_DATE_EPOCH, NO_COLOR, CLICOLOR, PAGER, XDG_CACHE_HOME,
XDG_CONFIG_HOME, XDG_STATE_HOME, DOCKER_CONFIG, DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF,
HTTPS_PROXY, and SSL_CERT_FILE have their usual meanings.

Settings of single registries are in $XDG_CONFIG_HOME/davit/config.yaml, or else ~/.config/davit/config.yaml:
"davit help config.yaml" shows its keys.`

// otherVariables are the variables that belong to no flag.
var otherVariables = []string{"DAVIT_PASSWORD", "DAVIT_FROM_PASSWORD", "DAVIT_TO_PASSWORD", "DAVIT_CACHE_DIR", "DAVIT_PAGER"}

// foreignVariables begin like the variables of davit and are read by others: DAVIT_VERSION by scripts that install davit, and the
// rest by its tests.
var foreignVariables = []string{"DAVIT_VERSION", "DAVIT_TOOLS", "DAVIT_REQUIRE_CLIENTS"}

// warnVariables warns about the variables in the environment that look like those of davit and are not read: misspelled names, and
// the names of flags of this command that have no variable.
func warnVariables(a *app.App, cmd *cobra.Command) {
	ignored := slices.Concat(otherVariables, foreignVariables)
	var set []string
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, app.EnvPrefix) && value != "" && !slices.Contains(ignored, name) {
			set = append(set, name)
		}
	}
	if key := app.EnvName("verify-key"); slices.Contains(os.Environ(), key+"=") && habits.OwnFlag(cmd, "verify-key") != nil {
		a.WarnEarly("%s is empty, and no signature is required", key)
	}
	if len(set) == 0 {
		return
	}
	slices.Sort(set)
	read, unread := flagVariables(cmd.Root())
	for _, name := range set {
		flag := unread[name]
		switch {
		case slices.Contains(read, name) || flag != "" && habits.OwnFlag(cmd, flag) == nil:
		case flag != "":
			a.WarnEarly("%s is no longer read, use --%s", name, flag)
		default:
			a.WarnEarly("unknown variable %s is ignored%s", name, suggestVariable(name, read))
		}
	}
}

// checkEmptyFlags refuses a flag on the command line whose value is empty, for example because a variable is not set: flags such as
// --sign-key and --lock would have no effect.
func checkEmptyFlags(fs *pflag.FlagSet) error {
	var empty error
	fs.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		isText := strings.HasPrefix(f.Value.Type(), "string") && f.NoOptDefVal == "" && f.Annotations[app.MayBeEmpty] == nil
		if isText && (len(values) == 0 || slices.Contains(values, "")) {
			empty = &exit.UsageError{Err: fmt.Errorf("--%s is empty", f.Name), Hint: "is a variable in the command set?"}
		}
	})
	return empty
}

// flagVariables returns the variables of the flags of all commands. It also returns the flags that have no variable, by the name
// that their variable would have.
func flagVariables(root *cobra.Command) (read []string, unread map[string]string) {
	unread = map[string]string{}
	for _, cmd := range everyCommand(root) {
		cmd.InheritedFlags() // merges those of the root
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name := app.Variable(f); name != "" {
				read = append(read, name)
			} else {
				unread[app.EnvName(f.Name)] = f.Name
			}
		})
	}
	maps.DeleteFunc(unread, func(name, _ string) bool { return slices.Contains(read, name) })
	return lists.SortUnique(read), unread
}

// suggestVariable returns the variable that was probably meant, as the end of a sentence. It compares names without their common
// prefix.
func suggestVariable(name string, read []string) string {
	var words []string
	for _, known := range slices.Concat(read, otherVariables) {
		words = append(words, strings.TrimPrefix(known, app.EnvPrefix))
	}
	if near := textdist.Closest(strings.TrimPrefix(name, app.EnvPrefix), words); near != "" {
		return fmt.Sprintf("; did you mean %s%s?", app.EnvPrefix, near)
	}
	return ""
}
