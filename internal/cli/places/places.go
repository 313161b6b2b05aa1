// Package places lists the repositories of registries, layouts, and directories of layouts.
package places

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	"oras.land/oras-go/v2/errdef"
)

// Repository is a repository of a registry, layout, or archive, or a layout in a directory.
type Repository struct {
	Name      string             `json:"name"` // without the host of the registry or the path of the layout
	Reference string             `json:"reference"`
	Ref       registry.Reference `json:"-"`
}

// Repositories lists the repositories of a place: the host of a registry, a layout or archive, whose tags may include names of repositories,
// or a directory of layouts. A name after the host or layout chooses this repository and those below it.
func Repositories(ctx context.Context, a *app.App, l *app.Login, place string) ([]Repository, error) {
	if host, ok := AsHost(place); ok {
		return listRegistry(ctx, a, l, host)
	}
	ref, err := registry.Parse(place)
	if above := strings.TrimSuffix(place, "/"); err != nil && above != "" {
		ref, err = registry.Parse(above)
	}
	switch {
	case err != nil:
		return nil, err
	case ref.Reference() != "":
		return nil, &exit.UsageError{Err: fmt.Errorf("%q is one artifact", place), Hint: "name a registry (HOST), its repositories below a name (HOST/NAME), a layout, or a directory of layouts"}
	case !ref.IsPath():
		all, err := listRegistry(ctx, a, l, ref.Registry)
		if err != nil {
			return nil, err
		}
		return keepBelow(all, ref)
	}
	ref = paths.SplitRepository(ref)
	if info, err := os.Stat(ref.Path); err == nil && info.IsDir() && !layout.Is(ref.Path) {
		found, err := FindLayouts(ref.Path)
		if err == nil && len(found) == 0 {
			return nil, &exit.MissingError{Text: fmt.Sprintf("%s: no image layout in this directory: not found", ref.Path),
				Advice: exit.HintToPackIn(ref.Path)}
		}
		return found, err
	}
	t, err := a.OpenSide(ctx, l, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	all, err := app.Finish(ctx, t, func(t *app.Target) ([]Repository, error) { return ListLayout(ctx, t) })
	if err != nil || ref.InLayout() == "" {
		return all, err
	}
	return keepBelow(all, ref)
}

// keepBelow returns the repository in ref and those below its name. Without any, it fails with an exit.MissingError.
func keepBelow(all []Repository, ref registry.Reference) ([]Repository, error) {
	name := ref.InLayout()
	if !ref.IsPath() {
		name = ref.Repository
	}
	found := lists.Delete(all, func(r Repository) bool { return r.Name != name && !strings.HasPrefix(r.Name, name+"/") })
	if len(found) == 0 {
		place := ref.Registry
		if ref.IsPath() {
			place = ref.Path
		}
		return nil, &exit.MissingError{Text: fmt.Sprintf("%s: no repository with this name or below it: not found", ref),
			Advice: fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", place))}
	}
	return found, nil
}

// AsHost returns the host if the text names a registry without a repository.
func AsHost(text string) (string, bool) {
	for _, scheme := range []string{"oci://", "https://", "http://"} {
		text = strings.TrimPrefix(text, scheme)
	}
	text = strings.TrimSuffix(text, "/")
	if strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".tar") || strings.ContainsAny(text, `/\~@`) || !reference.LooksLikeHost(text) || reference.ValidateHost(text) != nil {
		return "", false
	}
	return reference.DockerHost(strings.ToLower(text)), true
}

// IsRemote reports whether the text names a registry, or a repository or artifact in one.
func IsRemote(text string) bool {
	_, isHost := AsHost(text)
	ref, err := registry.Parse(text)
	return isHost || err == nil && !ref.IsPath()
}

// listRegistry lists the repositories in the catalog of a registry. Without a catalog, it fails with an exit.MissingError.
func listRegistry(ctx context.Context, a *app.App, l *app.Login, host string) ([]Repository, error) {
	ref := registry.Reference{Registry: host}
	client, err := a.ClientFor(l, ref)
	if err != nil {
		return nil, err
	}
	all := []Repository{}
	err = client.Repositories(ctx, host, func(names []string) error {
		for _, name := range names {
			ref.Repository = name
			all = append(all, Repository{name, ref.String(), ref})
		}
		return nil
	})
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, &exit.MissingError{Text: fmt.Sprintf("%s: the registry does not list its repositories: %v", host, err),
			Advice: fmt.Sprintf("\"%s\" lists the tags of a repository", shell.Command("davit", "tags", host+"/REPO"))}
	}
	return all, err
}

// ListLayout lists the repositories in the tags of a layout. Artifacts without a repository are listed under the name of the layout.
func ListLayout(ctx context.Context, t *app.Target) ([]Repository, error) {
	several, ok := t.Target.(interface {
		Repositories(ctx context.Context) (names []string, nameless bool, err error)
	})
	if !ok {
		return nil, fmt.Errorf("listing the repositories of %s: %w", t.Ref, errdef.ErrUnsupported)
	}
	names, nameless, err := several.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	all := []Repository{}
	if nameless {
		name := strings.TrimSuffix(filepath.Base(filepath.Clean(t.Ref.Path)), ".tar")
		all = append(all, Repository{name, t.Ref.String(), t.Ref})
	}
	for _, name := range names {
		ref := t.Ref
		ref.Repository = name
		if host, rest, ok := strings.Cut(name, "/"); ok && reference.LooksLikeHost(host) {
			ref.Registry, ref.Repository = host, rest
		}
		all = append(all, Repository{name, ref.String(), ref})
	}
	return all, nil
}

// FindLayouts lists the layouts below a directory, each as a repository that is named after its path.
func FindLayouts(dir string) ([]Repository, error) {
	names, err := layout.Below(dir)
	if err != nil {
		return nil, exit.FileError("directory", dir, err)
	}
	all := []Repository{}
	for _, name := range names {
		name = filepath.ToSlash(name)
		ref := registry.Reference{Path: app.LocalPath(strings.TrimSuffix(dir, "/") + "/" + name)}
		all = append(all, Repository{name, ref.String(), ref})
	}
	return all, nil
}

// SourceRepository returns the repository of a source, without its host, for the name of a copy. If there is no repository, it returns the
// name of the layout or archive.
func SourceRepository(ref registry.Reference) string {
	if ref.Repository != "" {
		return ref.Repository
	}
	return strings.TrimSuffix(path.Base(filepath.ToSlash(filepath.Clean(ref.Path))), ".tar")
}
