package results

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// View draws referrers for a writer, which may be a screen.
type View struct {
	// Files are names that follow the content of attachments, by digest.
	Files map[digest.Digest]string

	w      io.Writer
	now    time.Time
	signed []trust.Signature
}

// NewView returns a view with ages as of now. It shows a signature as verified only if signed has it as verified.
func NewView(w io.Writer, signed []trust.Signature) View {
	return View{w: w, now: time.Now(), signed: signed}
}

// AddReferrers adds a line for each referrer to t, and the referrers of each below its line. A line has the kind, name, content, age, size,
// and digest. Lines are sorted by kind and name.
func (v View) AddReferrers(t *term.Tree, all []*referrers.Referrer) {
	all = slices.Clone(all)
	lists.Sort(all, func(a, b *referrers.Referrer) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range all {
		name, content := r.Name, r.Summary
		if kinds.IsSignature(r.Kind) {
			content = v.Verdict(r)
		} else if file := v.Files[r.Digest]; file != "" {
			content = strings.TrimPrefix(content+"; "+file, "; ")
		}
		if screen, _ := v.w.(*term.Screen); name == "" && (screen == nil || screen.Width == 0) {
			name, content = content, "" // on a screen, the content is a column
		}
		size := "-"
		if r.ContentSize > 0 {
			size = term.Size(r.ContentSize)
		}
		child := t.Add(cmp.Or(r.Kind, r.ArtifactType, r.MediaType), name, content, cmp.Or(formatAge(r.Created(), v.now), "-"), size,
			term.Digest(v.w, r.Digest), r.Tag).Strong()
		v.AddReferrers(child, r.Referrers)
	}
}

// Verdict returns the result of checking a signature, with the key that verified it: never more than was checked.
func (v View) Verdict(r *referrers.Referrer) string {
	text := r.Annotations[mediatypes.AttachmentSummary]
	for _, s := range v.signed {
		if s.Digest != r.Digest {
			continue
		}
		switch {
		case s.Verified:
			return "verified by " + s.Key
		case s.Problem != "":
			return "not verified: " + s.Problem
		case s.Identity != "":
			text = "certificate of " + s.Identity
		case s.KeyHint != "":
			text = "key " + s.KeyHint
		}
	}
	if key, ok := strings.CutPrefix(text, "key "); ok {
		text = "key " + term.Fingerprint(v.w, key)
	}
	return strings.TrimSuffix("not verified; "+text, "; ")
}

// DescribeUndecided explains why the dates of attachments do not determine the newest.
func DescribeUndecided(n int, kind string, created time.Time) string {
	text := term.Plural(n, "attachment") + " of kind " + kind
	if created.IsZero() {
		return text + " have no date, so the newest is not known"
	}
	return text + " have the same date, so the newest is not known"
}

// KeepLatest returns the newest referrer of each kind. Of attestations, it returns the newest of each predicate type. There is a note
// for each kind whose dates do not decide which referrer is the newest. It says that the chosen one is listed or pulled, as verb says.
func KeepLatest(all []*referrers.Referrer, verb string) (kept []*referrers.Referrer, notes []string) {
	var order []string
	ofKind := map[string][]*referrers.Referrer{}
	for _, r := range all {
		kind := cmp.Or(r.Kind, r.ArtifactType) + " " + r.PredicateTypes()
		if ofKind[kind] == nil {
			order = append(order, kind)
		}
		ofKind[kind] = append(ofKind[kind], r)
	}
	for _, kind := range order {
		newest, undecided := referrers.Latest(ofKind[kind])
		kept = append(kept, newest)
		if n := len(undecided); n > 0 {
			notes = append(notes, DescribeUndecided(n, strings.TrimSpace(kind), newest.Created())+": "+verb+" is "+newest.Digest.String())
		}
	}
	return kept, notes
}

// AdviseKinds returns the hint for a subject without attachments of the requested kind: it names the kinds that are attached. It takes two
// seconds at most.
func AdviseKinds(ctx context.Context, src oras.ReadOnlyGraphTarget, ref registry.Reference, subject ocispec.Descriptor) string {
	discover := fmt.Sprintf("\"%s\" lists the attachments", shell.Command("davit", "discover", ref.String()))
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	all, err := referrers.List(ctx, src, subject, referrers.Options{Tags: true})
	if err != nil {
		return discover
	}
	platforms, err := referrers.ListPlatforms(ctx, src, subject, referrers.Options{Tags: true})
	if err != nil {
		return discover
	}
	for _, p := range platforms {
		all = append(all, p.Referrers...)
	}
	if len(all) == 0 {
		return cmp.Or(AdviseIndex(ctx, src, ref, ""), "nothing is attached")
	}
	return fmt.Sprintf("attached: %s; %s", nameKinds(all), discover)
}

// AdviseIndex returns the hint for a manifest, named by its digest, if its index has attachments of a kind, or of any kind if kind is empty:
// orchestrators show the digest of the manifest that they run. Without such an index, the hint is empty. It takes two seconds at most.
func AdviseIndex(ctx context.Context, src oras.ReadOnlyGraphTarget, ref registry.Reference, kind string) string {
	if ref.Digest == "" {
		return ""
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	index, err := referrers.ListIndex(ctx, src, ref.Digest, referrers.Options{Kind: kind})
	if err != nil || index == nil {
		return ""
	}
	ref.Tag, ref.Digest = "", index.Digest
	return fmt.Sprintf("attached to the index %q, which has this manifest: %s; \"%s\" lists them", index.Tag, nameKinds(index.Referrers), shell.Command("davit", "discover", ref.String()))
}

// nameKinds returns the names of the first few kinds of attachments.
func nameKinds(all []*referrers.Referrer) string {
	var names []string
	for _, r := range all {
		names = append(names, cmp.Or(r.Kind, r.ArtifactType, r.MediaType))
	}
	return textdist.FirstFew(lists.SortUnique(names))
}

// formatAge formats the time since created in its largest unit. It returns "" if created is unknown.
func formatAge(created, now time.Time) string {
	if created.IsZero() || created.Unix() <= 0 {
		return ""
	}
	d := now.Sub(created)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return formatAgo(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return formatAgo(int(d.Hours()), "hour")
	case d < 60*24*time.Hour:
		return formatAgo(int(d.Hours()/24), "day")
	case d < 2*365*24*time.Hour:
		return formatAgo(int(d.Hours()/24/30), "month")
	}
	return formatAgo(int(d.Hours()/24/365), "year")
}

func formatAgo(n int, unit string) string { return fmt.Sprintf("%s ago", term.Plural(n, unit)) }
