package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/spf13/pflag"
)

// Versions is the flag --version, which chooses the newest tag in a range of versions.
type Versions struct{ text string }

// AddFlag adds the flag.
func (v *Versions) AddFlag(fs *pflag.FlagSet) {
	fs.StringVar(&v.text, "version", "", "choose the newest tag in this `RANGE` of versions: ^1.2, ~1.2.3, \">=1.2, <2\" (with pre-releases: ^1.2-0)")
}

// IsSet reports whether the flag was given.
func (v *Versions) IsSet() bool { return v.text != "" }

// Range returns the range of the flag, or nil if the flag is not set.
func (v *Versions) Range() (*versions.Range, error) {
	if v.text == "" {
		return nil, nil
	}
	r, err := versions.ParseRange(v.text)
	if err != nil {
		return nil, &exit.UsageError{Err: fmt.Errorf("--version: %w", err), Hint: "for example --version '^1.2', or --version '>=1.2, <2'"}
	}
	return r, nil
}

// ApplyTo makes Complete choose the tag of a target by the flag. It fails if the reference has a tag or digest.
func (v *Versions) ApplyTo(t *Target) error {
	r, err := v.Range()
	if err != nil || r == nil {
		return err
	}
	if t.Ref.Reference() != "" {
		return &exit.UsageError{Err: fmt.Errorf("--version chooses a tag, but %s has a tag or digest", t.Ref), Hint: "leave the tag or digest out"}
	}
	t.versions = r
	return nil
}

// WithVersions calls With to read a target, whose tag --version may choose.
func WithVersions[T any](ctx context.Context, a *App, text string, v Versions, use func(*Target) (T, error)) (T, error) {
	return With(ctx, a, text, registry.Read, func(t *Target) (T, error) {
		if err := v.ApplyTo(t); err != nil {
			var none T
			return none, err
		}
		return use(t)
	})
}

// chooseVersion returns a locked tag in the range, or else the newest tag. It returns an exit.MissingError if no tag is in the range.
func (t *Target) chooseVersion(ctx context.Context) (string, error) {
	tags, err := t.ListTags(ctx)
	if err != nil {
		return "", err
	}
	found := t.versions.Matching(tags)
	if i := slices.IndexFunc(found, func(tag string) bool { return t.Locked != nil && t.Locked(tag) }); i >= 0 {
		return found[i], nil
	}
	if len(found) > 0 {
		return found[0], nil
	}
	none := &exit.MissingError{Text: fmt.Sprintf("%s: no version matches %s: not found", t.Ref, t.versions)}
	if pre := t.versions.PreReleases(tags); len(pre) > 0 {
		none.Advice = pre[0] + " is a pre-release; to include pre-releases, add -0 to each version in the range, such as ^1.2.0-0"
		if text := t.versions.WithPreReleases(pre[0]); text != "" {
			none.Advice = fmt.Sprintf("%s is a pre-release: --version '%s' includes pre-releases", pre[0], text)
		}
	} else if every, err := versions.ParseRange("*-0"); err == nil {
		if all := every.Matching(tags); len(all) > 0 {
			none.Advice = "newest versions: " + strings.Join(all[:min(len(all), 5)], ", ")
		}
	}
	return "", none
}
