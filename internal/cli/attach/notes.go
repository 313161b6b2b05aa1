package attach

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// setDate is the flag of attach that dates an attachment.
const setDate = "-a " + ocispec.AnnotationCreated + "=TIME"

// tellDate prints a warning about a declared date that is not a time, and a note about an attachment that exists with another date, or none.
// It prints none that are in told already: several sources may have one date, and several platforms one attachment.
func tellDate(a *app.App, declared map[string]string, all []*pack.Attached, told map[string]bool) {
	date := declared[ocispec.AnnotationCreated]
	if date == "" {
		return
	}
	if manifest.Created(declared).IsZero() && !told[date] {
		told[date] = true
		a.Warn("%s=%s is not a time as in 2026-01-31T12:00:00Z: the attachment counts as having no date", ocispec.AnnotationCreated, date)
	}
	for _, r := range all {
		note := fmt.Sprintf("%s %q is attached already, and keeps %s; --replace sets this date",
			r.Kind, r.Annotations[ocispec.AnnotationTitle], cmp.Or(r.Annotations[ocispec.AnnotationCreated], "no date"))
		if r.Skipped && r.Annotations[ocispec.AnnotationCreated] != date && !told[note] {
			told[note] = true
			a.Note("%s", note)
		}
	}
}

// notePredecessors prints a note for each name that was attached to a subject before, with other content: an old report is rarely wanted.
func notePredecessors(a *app.App, all []*pack.Attached) {
	noted := map[string]bool{}
	for _, r := range all {
		older := lists.Delete(slices.Clone(r.Beside), func(d digest.Digest) bool {
			return slices.ContainsFunc(all, func(ours *pack.Attached) bool { return ours.Digest == d })
		})
		name, undated := nameOf(r), ""
		if manifest.Created(r.Annotations).IsZero() {
			undated = "; it has no date, by which --latest and davit detach find the newest: " + setDate + " sets one"
		}
		if len(older) > 0 && !r.Skipped && !noted[name] {
			a.Note("%s: kept %s of this name; --replace removes earlier ones%s", name, term.Plural(len(older), "earlier attachment"), undated)
			noted[name] = true
		}
	}
}

// maxNamed limits the attachments or files that the command in a note or hint names.
const maxNamed = 8

// noteUnreplaced prints a note for each name with which --replace replaced nothing, although the subjects have other attachments of the
// type: the ID of a VEX, for instance, often changes with each version. Those of this run are not others, and a document that was attached
// before was noted then.
func noteUnreplaced(a *app.App, opts attachOptions, all []*pack.Attached) {
	gone, replacing := map[digest.Digest]bool{}, map[string]bool{}
	for _, r := range all {
		gone[r.Digest] = true
		for _, old := range slices.Concat(r.Replaced, r.Kept) {
			gone[old.Digest], replacing[nameOf(r)] = true, true
		}
	}
	others, order := map[string][]pack.Replaced{}, []string{}
	for _, r := range all {
		for _, old := range r.Others {
			if name := nameOf(r); !gone[old.Digest] && !replacing[name] && !r.Skipped {
				others[name], order = append(others[name], old), append(order, name)
			}
		}
	}
	for _, name := range lists.Unique(order) {
		a.Note("%s", describeUnreplaced(name, others[name], opts))
	}
}

// describeUnreplaced returns the note that the others stayed beside a new attachment.
func describeUnreplaced(name string, others []pack.Replaced, opts attachOptions) string {
	var digests, names, shown []string
	for _, old := range others {
		digests = append(digests, old.Digest.String())
		if old.Name != "" {
			names = append(names, old.Name)
		}
		shown = append(shown, nameOrDigest(old.Name, old.Digest))
	}
	digests, names, shown = lists.Unique(digests), lists.Unique(names), lists.Unique(shown)
	verb, flag := "replaced", "would have replaced"
	if opts.dryRun {
		verb, flag = "would replace", "would replace"
	}
	count, them := "1 other of this type is", "it"
	if len(digests) > 1 {
		count, them = fmt.Sprintf("%d others of this type are", len(digests)), "them"
	}
	note := fmt.Sprintf("%s: %s nothing; %s attached: %s", name, verb, count, textdist.FirstFew(shown))
	switch {
	case len(names) == 1 && len(shown) == 1:
		note += fmt.Sprintf("; --name %s %s %s", shell.Quote(names[0]), flag, them)
	case len(names) > 0:
		note += fmt.Sprintf("; --name with the name of one %s it", flag)
	}
	detach := []string{"davit", "detach", opts.subject}
	if opts.eachPlatform {
		detach = append(detach, "--each-platform")
	}
	if len(shown) == 1 && len(digests) <= maxNamed {
		return fmt.Sprintf("%s; to remove %s: %s", note, them, shell.Command(append(detach, digests...)...))
	}
	return fmt.Sprintf("%s; \"%s\" lists them, and \"%s DIGEST\" removes one", note, shell.Command("davit", "discover", opts.subject), shell.Command(detach...))
}

// nameOf returns the kind and name of an attachment for notes.
func nameOf(r *pack.Attached) string {
	if r.Name == "" {
		return cmp.Or(r.Kind, r.ArtifactType)
	}
	return fmt.Sprintf("%s %q", cmp.Or(r.Kind, r.ArtifactType), r.Name)
}

// nameOrDigest returns the quoted name of an attachment, or the digest of one without a name.
func nameOrDigest(name string, d digest.Digest) string {
	if name == "" {
		return d.String()
	}
	return fmt.Sprintf("%q", name)
}

// findRenamed returns the kinds and names of the referrers of each type and predicate that has more than keep, but with several names, each
// of which is counted separately.
func findRenamed(kept []ocispec.Descriptor, keep int) (renamed []string) {
	var order []string
	names, counts := map[string][]string{}, map[string]int{}
	for _, d := range kept {
		predicate := cmp.Or(d.Annotations[mediatypes.PredicateType], d.Annotations[mediatypes.BundlePredicateType])
		of, kind := d.ArtifactType+" "+predicate, cmp.Or(results.KindName(d), d.ArtifactType)
		counts[of]++
		order, names[of] = append(order, of), append(names[of], kind+" "+nameOrDigest(d.Annotations[ocispec.AnnotationTitle], d.Digest))
	}
	for _, of := range lists.Unique(order) {
		if all := lists.Unique(names[of]); len(all) > 1 && counts[of] > keep {
			renamed = append(renamed, all...)
		}
	}
	return renamed
}

// describeRenamed returns the note that --keep counts each name separately.
func describeRenamed(renamed []string, opts detachOptions) string {
	detach := []string{"davit", "detach", opts.subject}
	if opts.eachPlatform {
		detach = append(detach, "--each-platform")
	}
	return fmt.Sprintf("--keep counts each name of a type separately: %s; \"%s\" lists them, and \"%s DIGEST\" removes one",
		textdist.FirstFew(lists.Unique(renamed)), shell.Command("davit", "discover", opts.subject), shell.Command(detach...))
}
