// Package lockfile reads and writes davit.lock, which records the digests to which references resolved when they were locked.
package lockfile

import (
	"bytes"
	"context"
	_ "crypto/sha256" // the algorithms of digests in entries
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/opencontainers/go-digest"
)

const (
	// Name is the default name of the file.
	Name = "davit.lock"

	format     = 1
	maxSize    = 4 << 20 // bytes
	maxEntries = 10_000
	maxKind    = 64 // bytes
)

// limits restricts the memory that decoding a lock file takes.
var limits = jsonwalk.Limits{Objects: maxEntries + 2, Values: 10 * maxEntries}

// File is the content of a lock file.
type File struct {
	Version   int     `json:"lockVersion"`
	Artifacts []Entry `json:"artifacts"` // sorted by reference, without duplicates
}

// Entry is a locked reference.
type Entry struct {
	Reference string        `json:"reference"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"` // of the manifest
	Kind      string        `json:"kind,omitempty"`
	Key       string        `json:"key,omitempty"` // SHA-256 of the public key that verified the signature, in base64, like cosign's hint
}

// Parse parses the content of a lock file. It fails if a field is unknown or invalid.
func Parse(data []byte) (*File, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("too large: limit is %d MiB", maxSize>>20)
	}
	if err := limits.Check(data); err != nil {
		return nil, err
	}
	var f File
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the JSON object")
	}
	if f.Version != format {
		return nil, fmt.Errorf("unsupported lockVersion %d", f.Version)
	}
	if len(f.Artifacts) > maxEntries {
		return nil, fmt.Errorf("too many entries: limit is %d", maxEntries)
	}
	seen := map[string]bool{}
	for _, e := range f.Artifacts {
		if err := e.check(); err != nil {
			return nil, err
		}
		if seen[e.Reference] {
			return nil, fmt.Errorf("duplicate entry %q", e.Reference)
		}
		seen[e.Reference] = true
	}
	f.sort()
	return &f, nil
}

// check fails if a field of the entry is invalid, or if the digest contradicts the reference.
func (e Entry) check() error {
	ref, err := registry.Parse(e.Reference)
	switch {
	case err != nil:
		return err
	case ref.Reference() == "":
		return fmt.Errorf("%q has no tag or digest", e.Reference)
	case e.Digest.Validate() != nil:
		return fmt.Errorf("%q: invalid digest %.80q", e.Reference, e.Digest)
	case ref.Digest != "" && ref.Digest != e.Digest:
		return fmt.Errorf("%q: digest mismatch: got %s", e.Reference, e.Digest)
	case e.Size < 0:
		return fmt.Errorf("%q: invalid size %d", e.Reference, e.Size)
	case len(e.Kind) > maxKind || strings.ContainsFunc(e.Kind, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%q: invalid kind", e.Reference)
	}
	if hash, err := base64.StdEncoding.DecodeString(e.Key); err != nil || e.Key != "" && len(hash) != 32 {
		return fmt.Errorf("%q: invalid key", e.Reference)
	}
	return nil
}

func (f *File) sort() {
	lists.Sort(f.Artifacts, func(a, b Entry) int { return strings.Compare(a.Reference, b.Reference) })
}

// Find returns the entry of a reference, or nil. Changing the entry changes the file.
func (f *File) Find(reference string) *Entry {
	i := slices.IndexFunc(f.Artifacts, func(e Entry) bool { return e.Reference == reference })
	if i < 0 {
		return nil
	}
	return &f.Artifacts[i]
}

// Set adds an entry. If there is an entry with the same reference, Set replaces it and returns the old entry; otherwise it returns nil.
func (f *File) Set(e Entry) (old *Entry) {
	if had := f.Find(e.Reference); had != nil {
		before := *had
		*had = e
		return &before
	}
	f.Artifacts = append(f.Artifacts, e)
	f.sort()
	return nil
}

// Marshal encodes the file as JSON. The same entries always result in the same bytes.
func (f *File) Marshal() ([]byte, error) {
	f.Version = format
	if f.Artifacts == nil {
		f.Artifacts = []Entry{}
	}
	f.sort()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(f)
	return b.Bytes(), err
}

// Read reads a lock file. It fails with fs.ErrNotExist if the file is missing, and with artifact.ErrRefused if it is invalid.
func Read(name string) (*File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, artifact.Refused(name, "not a regular file")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, err
	}
	f, err := Parse(data)
	if err != nil {
		return nil, artifact.Refused(name, "not a davit lock file: %w", err)
	}
	return f, nil
}

// Update reads a lock file, calls change, and replaces the file, or creates it. A lock in lockDir excludes other processes. If
// nothing has changed, the file is not written.
func Update(ctx context.Context, name, lockDir string, change func(*File) error) error {
	abs, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real // replace the target of a symbolic link, not the link
	}
	if lock := filelock.Wait(ctx, lockDir, abs); lock != nil {
		defer lock.Release()
	}
	f, err := Read(abs)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = &File{}, nil
	}
	if err != nil {
		return err
	}
	before, err := f.Marshal()
	if err != nil {
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	after, err := f.Marshal()
	if err != nil {
		return err
	}
	if _, err := Parse(after); err != nil {
		return err
	}
	if _, err := os.Stat(abs); err == nil && bytes.Equal(before, after) {
		return nil
	}
	return durable.ReplaceFile(abs, after, 0o644, 0o777)
}
