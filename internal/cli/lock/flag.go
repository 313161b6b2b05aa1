package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lockfile"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/errdef"
)

// Flag is the flag --lock, which restricts a command to the artifacts in a lock file.
type Flag struct {
	file   string
	locked *lockfile.File  // nil: the file does not exist
	record *lockfile.Entry // to be written to a new file; nil: none
	note   string          // see Note
	key    string          // the file of the key that signed the target, or FILE if it is not known
}

// AddFlag adds the flag.
func (f *Flag) AddFlag(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "lock", "", "pull only artifacts that are locked in `FILE`, which is created if missing")
}

// IsSet reports whether the flag was given.
func (f *Flag) IsSet() bool { return f.file != "" }

// Open reads the lock file. In a range of versions, the target then prefers the tags that the file has.
func (f *Flag) Open(t *app.Target) error {
	if f.file == "" {
		return nil
	}
	locked, err := read(f.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.locked = locked
	tagged := t.Ref
	for _, e := range locked.Artifacts {
		if ref, err := registry.Parse(e.Reference); err == nil && ref.Name() == tagged.Name() && ref.InLayout() == tagged.InLayout() {
			t.Locked = func(tag string) bool {
				tagged.Tag = tag
				return locked.Find(tagged.String()) != nil
			}
		}
	}
	return nil
}

// Key returns the hint of the key that the lock file has for a target with a complete reference, or "".
func (f *Flag) Key(t *app.Target) string { return lockedKey(f.locked, t) }

// Pin resolves a target with a complete reference, and returns the digest to read. keys are the keys that signed the target. Pin fails unless
// the lock file has the target with the same digest, size, and kind, and with one of keys if it has a key. If the file does not exist, Record
// creates it.
func (f *Flag) Pin(ctx context.Context, t *app.Target, reference string, keys []trust.Key) (string, error) {
	if f.file == "" {
		return reference, nil
	}
	now, err := resolve(ctx, t, reference, keys, f.locked)
	if err != nil {
		return "", err
	}
	if f.locked == nil {
		f.record = now
		return now.Digest.String(), nil
	}
	locked := f.locked.Find(now.Reference)
	refuse := func(format string, args ...any) error {
		return &artifact.Error{Op: "pulling", Item: now.Reference, Hint: f.updateCommand(now.Reference), Err: artifact.Refused("", format, args...)}
	}
	differs := func(what string, want, got any) error {
		return refuse("%s mismatch: %s wants %v, got %v", what, f.file, want, got)
	}
	if len(keys) > 0 {
		f.key = keys[0].Name
	} else if locked != nil && locked.Key != "" {
		f.key = "FILE"
	}
	switch {
	case locked == nil:
		return "", refuse("no entry in %s", f.file)
	case locked.Digest != now.Digest:
		return "", differs("digest", locked.Digest, now.Digest)
	case locked.Size != now.Size:
		return "", differs("size", fmt.Sprintf("%d bytes", locked.Size), now.Size)
	case locked.Kind != now.Kind:
		return "", differs("kind", locked.Kind, now.Kind)
	case locked.Key != "" && len(keys) == 0:
		return "", &artifact.Error{Op: "pulling", Item: now.Reference, Hint: "add --verify-key FILE with that key",
			Err: artifact.Refused("", "signature not checked: %s has the key %s", f.file, locked.Key)}
	case locked.Key != "" && !hasKey(keys, locked.Key):
		return "", differs("key", locked.Key, keys[0].Hint())
	case locked.Key == "" && f.key != "":
		f.note = fmt.Sprintf("%s has no key for %s; to lock the key, too: %s", f.file, now.Reference, f.updateCommand(now.Reference))
	}
	return now.Digest.String(), nil
}

// Note returns a note about a key that the lock file lacks, or "".
func (f *Flag) Note() string { return f.note }

// Record creates the lock file with the pulled artifact if the file did not exist.
func (f *Flag) Record(ctx context.Context) error {
	if f.record == nil {
		return nil
	}
	return update(ctx, f.file, func(file *lockfile.File) error {
		if had := file.Find(f.record.Reference); had != nil && *had != *f.record { // another process was first
			return &artifact.Error{Op: "pulling", Item: f.record.Reference, Err: artifact.Refused("", "%s has another entry by now", f.file),
				Hint: f.updateCommand(f.record.Reference)}
		}
		file.Set(*f.record)
		return nil
	})
}

// updateCommand returns the command that updates an entry, with the key that signed it.
func (f *Flag) updateCommand(reference string) string {
	words := []string{"davit", "lock", "update"}
	if f.file != lockfile.Name {
		words = append(words, "--lock", f.file)
	}
	if f.key != "" {
		words = append(words, "--verify-key", f.key)
	}
	return shell.Command(append(words, reference)...)
}

// hasKey reports whether one of the keys has this hint.
func hasKey(keys []trust.Key, hint string) bool {
	return slices.ContainsFunc(keys, func(k trust.Key) bool { return k.Hint() == hint })
}

// resolve returns the current entry for a target. reference is the digest that was verified, or the reference of the target. If locked is
// not nil, the entry is only for comparison with that file: its kind is read only if it has the locked digest.
func resolve(ctx context.Context, t *app.Target, reference string, keys []trust.Key, locked *lockfile.File) (*lockfile.Entry, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	if reference != t.Ref.Reference() && reference != desc.Digest.String() {
		return nil, artifact.Refused(t.Ref.String(), "moved while it was read: from %s to %s", reference, desc.Digest)
	}
	e := &lockfile.Entry{Reference: nameOf(t), Digest: desc.Digest, Size: desc.Size}
	if len(keys) > 0 {
		e.Key = keys[0].Hint()
		if wanted := lockedKey(locked, t); hasKey(keys, wanted) { // the policy may require other keys, too
			e.Key = wanted
		}
	}
	var had *lockfile.Entry
	if locked != nil {
		if had = locked.Find(e.Reference); had == nil || had.Digest != e.Digest {
			return e, nil
		}
	}
	m, err := fetch.Load(ctx, t, desc)
	switch {
	case err != nil:
		return nil, err
	case had != nil && m.IsIndex() && had.Kind == m.Kind().Name: // earlier versions ignored the manifests of an index
		e.Kind = had.Kind
		return e, nil
	}
	e.Kind, err = readKind(ctx, t, m, 0)
	if errors.Is(err, errdef.ErrNotFound) { // an index may lack manifests
		e.Kind, err = m.Kind().Name, nil
		if had != nil {
			e.Kind = had.Kind
		}
	}
	return e, err
}

// nameOf returns the reference of a target as lock files have it.
func nameOf(t *app.Target) string {
	ref := t.Ref
	if ref.Tag != "" {
		ref.Digest = ""
	}
	return ref.String()
}

// lockedKey returns the key of a target in a lock file, or "". The file may be nil.
func lockedKey(f *lockfile.File, t *app.Target) string {
	if f == nil {
		return ""
	}
	if e := f.Find(nameOf(t)); e != nil {
		return e.Key
	}
	return ""
}

// readKind returns the kind of an artifact that inspect shows. It reads at most the first manifest of an index.
func readKind(ctx context.Context, t *app.Target, m *fetch.Manifest, depth int) (string, error) {
	return m.KindBy(func(first ocispec.Descriptor) (string, error) {
		if depth >= fetch.MaxNesting || !manifest.Is(first.MediaType) {
			kind, _ := kinds.KindOfEntry(first)
			return kind.Name, nil
		}
		inner, err := fetch.Load(ctx, t, first)
		if err != nil {
			return "", err
		}
		return readKind(ctx, t, inner, depth+1)
	})
}

// read reads a lock file.
func read(name string) (*lockfile.File, error) {
	f, err := lockfile.Read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, artifact.ErrRefused) {
		err = exit.FileError("lock file", name, err)
	}
	return f, err
}

// update changes a lock file.
func update(ctx context.Context, name string, change func(*lockfile.File) error) error {
	return lockfile.Update(ctx, name, filepath.Join(app.CacheDir(), "locks"), change)
}
