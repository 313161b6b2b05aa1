package carry

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/term"
)

// maxList is the maximum size of a list of artifacts, in bytes.
const maxList = 16 << 20

// readList reads at most maxList+1 bytes of a list, or of standard input if name is "-".
func readList(a *app.App, name string) ([]byte, error) {
	r := a.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, exit.FileError("list", name, err)
		}
		defer f.Close()
		r = f
	}
	return io.ReadAll(io.LimitReader(r, maxList+1))
}

// parseJobs returns the artifacts that the command line names.
func parseJobs(opts copyOptions, sources []string, to destination) ([]job, error) {
	var jobs []job
	for _, source := range sources {
		j, err := parseJob([]string{source}, to, opts)
		if err != nil {
			return nil, err
		}
		j.where = source
		jobs = append(jobs, *j)
	}
	return jobs, nil
}

// listRepositoryJobs returns a job for each repository in registries, layouts, and directories of layouts. A repository in several of them is
// copied once. It returns a usage error for two repositories with one target, where equal tags would replace each other.
func listRepositoryJobs(ctx context.Context, a *app.App, sources []string, to destination) ([]job, error) {
	var jobs []job
	first := map[string]string{} // the source, by target
	for _, from := range sources {
		all, err := places.Repositories(ctx, a, &a.Logins.From, from)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, &exit.MissingError{Text: from + ": no repositories found"}
		}
		for _, one := range all {
			name := one.Ref.Repository
			if name == "" { // a layout without repositories is named after its path
				name = one.Name
			}
			dst, err := to.target(one.Ref, name)
			if err != nil {
				return nil, err
			}
			target := dst.String()
			if dst.IsPath() && !to.isDir && sourceName(one.Ref) != "" { // kept in the layout
				target = sourceName(one.Ref)
			}
			switch other := first[target]; other {
			case "":
				first[target] = one.Reference
				jobs = append(jobs, job{where: one.Reference, src: one.Ref, dst: dst, allTags: true})
			case one.Reference:
			default:
				return nil, &exit.UsageError{Err: fmt.Errorf("%s and %s would both be copied to %s", other, one.Reference, target),
					Hint: "copy each SRC to a DST of its own"}
			}
		}
	}
	return jobs, nil
}

// readJobs returns the artifacts in the list of --from-file.
func readJobs(a *app.App, opts copyOptions, to destination) ([]job, error) {
	name := opts.many.fromFile
	data, err := pause.Await(a.Context, func() ([]byte, error) { return readList(a, name) })
	if err != nil {
		return nil, err
	}
	if name == "-" {
		name = "standard input"
	}
	if len(data) > maxList {
		return nil, exit.Usagef("%s: list too large: limit is %s", name, term.Size(maxList))
	}
	var jobs []job
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	lines.Buffer(nil, maxList+1)
	for n := 1; lines.Scan(); n++ {
		where := fmt.Sprintf("%s:%d", name, n)
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(strings.TrimPrefix(text, "\ufeff"))
		if len(fields) == 0 {
			continue
		}
		j, err := parseJob(fields, to, opts)
		if err != nil {
			return nil, &exit.UsageError{Err: fmt.Errorf("%s: %w", where, err), Hint: "a line is SRC, or SRC and DST; # begins a comment"}
		}
		j.where = where
		jobs = append(jobs, *j)
	}
	if len(jobs) == 0 {
		return nil, exit.Usagef("%s: no artifacts in the list", name)
	}
	return jobs, lines.Err()
}

// parseJob returns the artifact of a line, SRC or SRC and DST. Without a DST of its own, the artifact keeps its name.
func parseJob(fields []string, to destination, opts copyOptions) (*job, error) {
	if len(fields) > 2 {
		return nil, fmt.Errorf("got %d words, want 1 or 2", len(fields))
	}
	src, err := registry.ParseSource(fields[0])
	if err != nil {
		return nil, err
	}
	j := &job{src: src, allTags: opts.allTags && src.Reference() == ""}
	if len(fields) == 1 {
		j.dst, err = to.target(src, places.SourceRepository(src))
		return j, err
	}
	if j.dst, err = registry.Parse(fields[1]); err != nil {
		return nil, err
	}
	if j.dst.Digest != "" {
		return nil, fmt.Errorf("the target %q names a digest", fields[1])
	}
	return j, nil
}
