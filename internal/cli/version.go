package cli

import (
	"io"
	"runtime"
	"runtime/debug"

	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

// Version is the version of a release; if empty, it comes from the build information.
var Version string

// versionResult is what davit is.
type versionResult struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (v versionResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Field("version", v.Version)
	t.Field("commit", v.Commit)
	t.Field("date", v.Date)
	t.Field("go", v.Go)
	t.Field("platform", v.Platform)
	return t.WriteText(w)
}

func (v versionResult) QuietLine() string { return v.Version }

func readVersion() versionResult {
	v := versionResult{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && v.Version == "" {
		v.Version = info.Main.Version
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		}
	}
	return v
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Prints the version of davit",
		Example: "  davit version\n  davit version --format go-template='{{.version}}'",
		GroupID: groupOther,
		Args:    arguments(0, 0),
		RunE:    func(*cobra.Command, []string) error { return a.print(readVersion()) },
	}
}
