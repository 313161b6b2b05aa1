package attach

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// digestPrefix matches a digest, whole or shortened as in lists on a terminal.
var digestPrefix = lazy.Regexp(`^sha(256:[0-9a-f]{6,64}|512:[0-9a-f]{6,128})$`)

// hexDigits matches the first digits of a digest without its algorithm, as in the directories of a pull.
var hexDigits = lazy.Regexp(`^[0-9a-f]{6,64}$`)

// isDigest reports whether an argument is meant as a digest or the prefix of one, not as a name.
func isDigest(arg string) bool {
	return strings.HasPrefix(arg, "sha256:") || strings.HasPrefix(arg, "sha512:")
}

// findDigests returns the digests of the referrers that the arguments name: by digest, by a prefix of it, or by name.
func findDigests(ctx context.Context, t *app.Target, subjects []ocispec.Descriptor, opts detachOptions) ([]digest.Digest, error) {
	digests, names := lists.Split(opts.given, isDigest)
	whole, err := completeDigests(ctx, t, subjects, digests)
	if err != nil || len(names) == 0 {
		return whole, err
	}
	attached := make([][]*referrers.Referrer, len(subjects))
	for i, subject := range subjects {
		found, err := referrers.List(ctx, t.Target, subject, referrers.Options{Kind: opts.Kind})
		if err != nil {
			return nil, err
		}
		attached[i] = found
	}
	for _, name := range names {
		isName := func(r *referrers.Referrer) bool { return r.Annotations[ocispec.AnnotationTitle] == name }
		if hexDigits().MatchString(name) && !slices.ContainsFunc(slices.Concat(attached...), isName) {
			found, err := completeDigests(ctx, t, subjects, []string{"sha256:" + name})
			if err != nil {
				return nil, err
			}
			whole = append(whole, found...)
			continue
		}
		named, err := findByName(t, attached, name)
		if err != nil {
			return nil, err
		}
		whole = append(whole, named...)
	}
	return whole, nil
}

// findByName returns the digests of the referrers with a name. It fails if a subject has several, or if none of the subjects has
// one.
func findByName(t *app.Target, attached [][]*referrers.Referrer, name string) ([]digest.Digest, error) {
	var all []digest.Digest
	var others []string
	for _, ofSubject := range attached {
		var found []digest.Digest
		for _, r := range ofSubject {
			title := r.Annotations[ocispec.AnnotationTitle]
			if title == name {
				found = append(found, r.Digest)
			}
			others = append(others, title)
		}
		if len(found) > 1 {
			first := shell.Command("davit", "detach", t.Ref.String(), found[0].String())
			var rest []string
			for _, d := range found[1:] {
				rest = append(rest, d.String())
			}
			return nil, &exit.UsageError{Err: fmt.Errorf("%s: %d attachments are named %q", t.Ref, len(found), name),
				Hint: fmt.Sprintf("choose one by its digest: \"%s\", or %s", first, textdist.FirstFew(rest))}
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		return all, nil
	}
	others = lists.Unique(others)
	missing := &exit.MissingError{Text: fmt.Sprintf("%s: no attachment is named %q: not found", t.Ref, name), Advice: textdist.DidYouMean(name, others)}
	if _, isKind := kinds.Lookup(name); missing.Advice == "" && isKind {
		missing.Advice = "those of a kind: " + shell.Command("davit", "detach", t.Ref.String(), "--kind", name)
	}
	if missing.Advice == "" {
		missing.Advice = fmt.Sprintf("\"%s\" lists the attachments", shell.Command("davit", "discover", t.Ref.String()))
		if len(others) > 0 {
			missing.Advice = fmt.Sprintf("attached: %s; %s", textdist.FirstFew(others), missing.Advice)
		}
	}
	return nil, missing
}

// completeDigests returns the given digests, with each prefix completed to the digest of the only referrer that has it. It fails for a
// prefix that several referrers have, or no referrer.
func completeDigests(ctx context.Context, t *app.Target, subjects []ocispec.Descriptor, given []string) ([]digest.Digest, error) {
	var attached, whole []digest.Digest
	if slices.ContainsFunc(given, func(d string) bool { return digest.Digest(d).Validate() != nil }) {
		for _, subject := range subjects {
			found, err := fetch.ListReferrers(ctx, t.Target, subject, "")
			if err != nil {
				return nil, err
			}
			for _, r := range found {
				attached = append(attached, r.Digest)
			}
		}
		attached = lists.SortUnique(attached)
	}
	for _, text := range given {
		d := digest.Digest(text)
		var matching []digest.Digest
		for _, one := range attached {
			if strings.HasPrefix(one.String(), d.String()) {
				matching = append(matching, one)
			}
		}
		switch {
		case d.Validate() == nil:
			whole = append(whole, d)
		case len(matching) == 1:
			whole = append(whole, matching[0])
		case len(matching) > 1:
			return nil, exit.Usagef("digest %q is ambiguous: %d attachments have digests with this prefix", d, len(matching))
		default:
			return nil, &exit.MissingError{Text: fmt.Sprintf("%s: no attachment has a digest that begins with %s: not found", t.Ref, d),
				Advice: fmt.Sprintf("\"%s\" lists the attachments", shell.Command("davit", "discover", t.Ref.String()))}
		}
	}
	return whole, nil
}
