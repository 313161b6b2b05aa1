package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/errdef"
)

// defaultTag is what a reference without tag and digest means, as everywhere.
const defaultTag = "latest"

// addRegistryFlags binds the flags that every transfer has.
func (a *app) addRegistryFlags(fs *pflag.FlagSet) {
	o := &a.registry
	shared := pflag.NewFlagSet("registry", pflag.ContinueOnError)
	shared.BoolFunc("plain-http", "plain HTTP instead of TLS; =false for TLS on this machine too", func(s string) error {
		plain, err := strconv.ParseBool(s)
		o.Security.PlainHTTP, o.Security.TLS = plain, !plain
		return err
	})
	shared.BoolVar(&o.Security.Insecure, "insecure", false, "TLS without checking the registry's certificate")
	shared.StringVar(&o.Security.CAFile, "ca-file", "", "trust the certificates in this `FILE` (PEM) too")
	shared.StringVar(&o.Security.CertFile, "cert-file", "", "show the registry the client certificate in this `FILE` (PEM)")
	shared.StringVar(&o.Security.KeyFile, "key-file", "", "the key of the client certificate, a `FILE` (PEM)")
	shared.StringVar(&a.logins.only.username, "username", "", "log in as `USER` instead of with the stored credentials")
	shared.BoolVar(&a.logins.only.passwordStdin, "password-stdin", false, "read the password, or a token, from standard input")
	shared.StringVar(&o.Credentials.File, "registry-config", "", "`FILE` with credentials (default: docker's, or podman's)")
	shared.IntVar(&o.Concurrency, "concurrency", 0, "`N` blobs, and connections for one blob, at once (default: 8)")
	shared.DurationVar(&o.RetryFor, "retry-for", 0, "how long one thing may keep failing; below 0: not at all (default 5m)")
	addGrouped(fs, shared)
}

// addGrouped adds flags to those that the help text lists as registry flags.
func addGrouped(fs, shared *pflag.FlagSet) {
	shared.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{flagGroup: {registryFlags}}
		fs.AddFlag(f)
	})
}

// client returns the client for a connection. It is made from the flags and the environment when the first target is
// opened, and shared by all targets that are reached in the same way.
func (a *app) client(via connection) (*registry.Client, error) {
	if client := a.clients[via]; client != nil {
		return client, nil
	}
	o := a.registry
	if o.Concurrency < 0 {
		return nil, &usageError{err: fmt.Errorf("--concurrency %d: want a number above 0", o.Concurrency)}
	}
	o.Credentials.Registry, o.Credentials.Username, o.Credentials.Password = via.registry, via.username, via.password
	o.Security.PlainHTTP, o.Security.TLS, o.Security.Insecure = via.plainHTTP, via.tls, via.insecure
	o.Home, _ = os.UserHomeDir() // without one, ~ is refused by name
	if o.Credentials.File == "" {
		o.Credentials.File = credentialsFile(o.Home)
	}
	o.CacheDir = cacheDir()
	o.UserAgent = "davit/" + readVersion().Version
	if a.debug {
		o.Trace = func(line string) { fmt.Fprintf(a.stderr, "davit: debug: %s\n", term.Escape(line)) }
	}
	client := registry.New(o)
	if a.clients == nil {
		a.clients = map[connection]*registry.Client{}
	}
	a.clients[via] = client
	return client, nil
}

// credentialsFile is where credentials are: what the environment says, docker's file, or podman's if only that exists.
func credentialsFile(home string) string {
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		return file
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	if home == "" {
		return ""
	}
	dockers := filepath.Join(home, ".docker", "config.json")
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		podmans := filepath.Join(dir, "containers", "auth.json")
		if !fileExists(dockers) && fileExists(podmans) {
			return podmans
		}
	}
	return dockers
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// cacheDir holds what makes the next run faster or goes on where one stopped; empty when there is no place for it.
func cacheDir() string {
	if dir := os.Getenv("DAVIT_CACHE_DIR"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "davit")
}

// digests remembers the digests of files from one run to the next.
func (a *app) digests() *digestcache.Cache {
	if a.cache == nil {
		a.cache = digestcache.New(cacheDir())
	}
	return a.cache
}

// close writes what is to be remembered.
func (a *app) close() {
	if a.cache != nil {
		a.cache.Close()
	}
}

// target is an opened target, and what was meant in it.
type target struct {
	registry.Target
	ref registry.Reference
}

// open parses a reference and opens its target.
func (a *app) open(ctx context.Context, s string, mode registry.Mode) (*target, error) {
	ref, err := registry.Parse(s)
	if err != nil {
		return nil, err
	}
	return a.openReference(ctx, ref, mode)
}

// openReference opens a target that the command line names.
func (a *app) openReference(ctx context.Context, ref registry.Reference, mode registry.Mode) (*target, error) {
	return a.openSide(ctx, &login{}, ref, mode)
}

// openSide opens a target of a command that has flags for each of two sides.
func (a *app) openSide(ctx context.Context, l *login, ref registry.Reference, mode registry.Mode) (*target, error) {
	if err := a.assignLogin(l, ref); err != nil {
		return nil, err
	}
	return a.openAssigned(ctx, l, ref, mode)
}

// openAssigned opens a target. Unless its registry was assigned a login, it gets stored credentials only.
func (a *app) openAssigned(ctx context.Context, l *login, ref registry.Reference, mode registry.Mode) (*target, error) {
	via, err := a.connection(l)
	if err != nil {
		return nil, err
	}
	client, err := a.client(via)
	if err != nil {
		return nil, err
	}
	t, err := client.Open(ctx, ref, mode)
	if err != nil {
		return nil, err
	}
	return &target{Target: t, ref: ref}, nil
}

// resolve finds the manifest that the reference means, and completes the reference: without tag and digest that is the
// tag "latest", or the only artifact of a layout.
func (t *target) resolve(ctx context.Context) (ocispec.Descriptor, error) {
	if err := t.complete(ctx); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc, err := t.Resolve(ctx, t.ref.Reference())
	if errors.Is(err, errdef.ErrNotFound) {
		return desc, &notFoundError{ref: t.ref, tags: t.someTags(ctx)}
	}
	return desc, err
}

// complete puts in the tag that is meant where none was given.
func (t *target) complete(ctx context.Context) error {
	if t.ref.Reference() != "" {
		return nil
	}
	tag, err := t.impliedTag(ctx)
	t.ref.Tag = tag
	return err
}

// explain says of an error that something is not there whether it is the reference itself, and of a platform that is
// missing from which reference.
func (t *target) explain(ctx context.Context, err error) error {
	if !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	desc, missing := t.resolve(ctx)
	var platform *pull.PlatformError
	switch {
	case errors.Is(missing, errdef.ErrNotFound):
		return missing
	case errors.As(err, &platform) && platform.Index == desc.Digest:
		return &missingError{fmt.Sprintf("%s has nothing for %s", t.ref, platform.Platform), "it has " + strings.Join(platform.Have, ", ")}
	}
	return err
}

// impliedTag is the only tag, or "latest". Where there is no tag, but one artifact, it is "" and the reference gets that
// one's digest.
func (t *target) impliedTag(ctx context.Context) (string, error) {
	if !t.ref.IsPath() {
		return defaultTag, nil
	}
	tags, err := listTags(ctx, t)
	if err != nil {
		return "", err
	}
	switch len(tags) {
	case 0:
		if t.ref.Digest, err = t.only(ctx); t.ref.Digest != "" || err != nil {
			return "", err
		}
	case 1:
		return tags[0], nil
	}
	return defaultTag, nil
}

// only is the digest of the only artifact of a layout or archive, as tools write them that know no tags.
func (t *target) only(ctx context.Context) (digest.Digest, error) {
	lister, ok := t.Target.(interface {
		Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	})
	if !ok {
		return "", nil
	}
	roots, err := lister.Roots(ctx)
	if err != nil || len(roots) != 1 {
		return "", err
	}
	return roots[0].Digest, nil
}

// listTags gives the tags that people made, sorted: without those by which registries that have no referrers API keep
// the lists of referrers, and those under which cosign keeps what it signs.
func listTags(ctx context.Context, t *target) ([]string, error) {
	all, err := listAllTags(ctx, t)
	return slices.DeleteFunc(all, func(tag string) bool { return manifest.IsReferrersTag(tag) || manifest.IsCosignTag(tag) }), err
}

func listAllTags(ctx context.Context, t *target) ([]string, error) {
	var all []string
	err := t.Tags(ctx, "", func(tags []string) error {
		all = append(all, tags...)
		return nil
	})
	slices.Sort(all)
	return all, err
}

// notFoundError is a tag or digest that the target does not have.
type notFoundError struct {
	ref  registry.Reference
	tags []string // what it has, some of it
}

func (e *notFoundError) Error() string { return fmt.Sprintf("%s: not found", e.ref) }
func (e *notFoundError) Unwrap() error { return errdef.ErrNotFound }

// missingError is something else that is not there.
type missingError struct{ text, advice string }

func (e *missingError) Error() string { return e.text }
func (e *missingError) Unwrap() error { return errdef.ErrNotFound }
func (e *missingError) hint() string  { return e.advice }

// hint names the tags that are there.
func (e *notFoundError) hint() string {
	const most = 8
	switch tags := e.tags; {
	case len(tags) == 0:
		return ""
	case len(tags) > most:
		return fmt.Sprintf("%q lists what is there, among it %s", "davit tags "+e.ref.Name(), strings.Join(tags[:most], ", "))
	default:
		return "what is there: " + strings.Join(tags, ", ")
	}
}

// someTags are for a hint: what can't be listed is left out.
func (t *target) someTags(ctx context.Context) []string {
	if t.ref.Digest != "" {
		return nil
	}
	tags, err := listTags(ctx, t)
	if err != nil {
		return nil
	}
	if near := textdist.Closest(t.ref.Tag, tags); near != "" && len(tags) > 8 {
		return []string{near}
	}
	return tags
}

// withDigest is the reference as --quiet prints it: what was asked for, pinned.
func withDigest(ref registry.Reference, desc ocispec.Descriptor) string {
	ref.Digest = desc.Digest
	return ref.String()
}

// localPath makes a path a reference to it even when it does not look like one: -o oci means ./oci.
func localPath(s string) string {
	for _, prefix := range []string{".", "/", "~"} {
		if strings.HasPrefix(s, prefix) {
			return s
		}
	}
	return "./" + s
}

// validTags checks tags before anything is sent.
func validTags(tags []string) error {
	for _, tag := range tags {
		if err := registry.ValidTag(tag); err != nil {
			return &usageError{err: err}
		}
	}
	return nil
}

// close ends the use of a target. An archive is written now, unless something went wrong before, which comes first.
func (t *target) close(ctx context.Context, err error) error {
	if archive, ok := t.Target.(*registry.Archive); ok {
		if err == nil {
			err = archive.Commit(ctx)
		}
		if err != nil {
			archive.Discard()
		}
	}
	if closeErr := t.Close(); err == nil {
		return closeErr
	}
	return err
}
