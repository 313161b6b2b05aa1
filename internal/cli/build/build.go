// Package build reads the version of davit.
package build

import (
	"cmp"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/term"
)

// Version is the version of a release; if empty, it comes from the build information.
var Version string

// Result is the result of "davit version".
type Result struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// WriteText prints a line for each field.
func (v Result) WriteText(w io.Writer) error {
	var t term.Table
	t.Field("version", v.Version)
	t.Field("commit", v.Commit)
	t.Field("date", v.Date)
	t.Field("go", v.Go)
	t.Field("platform", v.Platform)
	return t.WriteText(w)
}

// QuietLine returns the version.
func (v Result) QuietLine() string { return v.Version }

// Read returns the version from Version or the build information. It is 0.0.0 if neither has one.
func Read() Result {
	v := Result{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.time":
				v.Date = s.Value
			}
		}
		if v.Version == "" {
			v.Version = moduleVersion(info.Main.Version, v.Commit, v.Date)
		}
	}
	v.Version = cmp.Or(strings.TrimPrefix(v.Version, "v"), "0.0.0")
	return v
}

// moduleVersion returns the version of the module, as "go install ...@v1.2.3" records it. For the build of a commit without a tag, it
// returns 0.0.0-DATE-COMMIT. The version is empty if the commit is unknown.
func moduleVersion(recorded, commit, date string) string {
	if recorded != "" && recorded != "(devel)" {
		return recorded
	}
	at, err := time.Parse(time.RFC3339, date)
	if err != nil || len(commit) < 12 {
		return ""
	}
	return "0.0.0-" + at.UTC().Format("20060102150405") + "-" + commit[:12]
}
