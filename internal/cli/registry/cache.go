package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

// cachePatterns match the entries that davit clears from the cache directory. They leave out entries of other programs, and locks,
// which another run may hold.
var cachePatterns = []string{"digests-*", "pushed", "trees", "uploads"}

func newCacheCommand(a *app.App) *cobra.Command {
	var dryRun app.DryRun
	cmd := &cobra.Command{
		Use:   "cache [path|clear]",
		Short: "Show or clear the local cache",
		Long: `The cache records the digests of files and packed directories, which blobs registries have, and
the state of interrupted uploads. Clearing it is safe; the next run is slower. DAVIT_CACHE_DIR
sets another directory.`,
		Example:   "  davit cache\n  davit cache path\n  davit cache clear",
		GroupID:   app.GroupOther,
		Args:      app.Arguments(0, 1),
		ValidArgs: []string{"path\tprint only the directory", "clear\tremove its content"},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{""}
			}
			return runCache(a, args[0], dryRun)
		},
	}
	dryRun.AddFlag(cmd.Flags())
	return cmd
}

func runCache(a *app.App, action string, dryRun app.DryRun) error {
	dir := app.CacheDir()
	if dir == "" {
		return &exit.UsageError{Err: errors.New("no cache directory"), Hint: "set DAVIT_CACHE_DIR"}
	}
	switch action {
	case "", "path", "clear":
	default:
		return &exit.UsageError{Err: fmt.Errorf("davit cache: unexpected argument %q", action), Hint: "usage: davit cache [path|clear]"}
	}
	r := cacheResult{Path: dir, action: action, dryRun: dryRun}
	root, err := os.OpenRoot(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a.Print(r)
	case err != nil:
		return exit.FileError("directory", dir, err)
	}
	defer root.Close()
	if err := r.count(root, action == "clear" && !bool(dryRun)); err != nil {
		return &artifact.Error{Op: "cache", Item: dir, Err: err}
	}
	return a.Print(r)
}

// count counts the files of the cache, and adds up their sizes. If remove is set, it also removes them.
func (r *cacheResult) count(root *os.Root, remove bool) error {
	names, err := listCached(root)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := fs.WalkDir(root.FS(), name, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return ignoreMissing(err)
			}
			info, err := entry.Info()
			if err == nil {
				r.Files, r.Size = r.Files+1, r.Size+info.Size()
			}
			return ignoreMissing(err)
		})
		if err == nil && remove {
			err = root.RemoveAll(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listCached returns the names of the entries that match cachePatterns.
func listCached(root *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		for _, pattern := range cachePatterns {
			if ok, _ := path.Match(pattern, entry.Name()); ok {
				names = append(names, entry.Name())
			}
		}
	}
	return names, nil
}

// ignoreMissing drops errors about entries that another run has removed meanwhile.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// cacheResult is the result of cache.
type cacheResult struct {
	Path  string `json:"path"`
	Files int    `json:"files"`
	Size  int64  `json:"size"`

	action string // "path", "clear", or empty
	dryRun app.DryRun
}

// WriteText prints the directory and, unless the action is "path", the number and size of its files.
func (r cacheResult) WriteText(w io.Writer) error {
	var t term.Table
	switch r.action {
	case "path":
		t.Row(r.Path)
	case "clear":
		t.Row(r.dryRun.Verb("cleared", "clear"), r.Path, term.Plural(r.Files, "file"), term.Size(r.Size))
	default:
		t.Row(r.Path, term.Plural(r.Files, "file"), term.Size(r.Size))
	}
	return t.WriteText(w)
}

// QuietLine returns the directory.
func (r cacheResult) QuietLine() string { return r.Path }
