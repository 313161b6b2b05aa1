package cli

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/term"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

// attachmentsOf returns the names and digests of attachments, each with its kind. It leaves out a name that several attachments
// have, because such a name chooses none of them.
func attachmentsOf(ctx context.Context, t *app.Target, given []string, typed string) ([]string, error) {
	list, err := listAttached(ctx, t)
	count := map[string]int{}
	for _, r := range list {
		count[r.Annotations[ocispec.AnnotationTitle]]++
	}
	var names, digests []string
	for _, r := range list {
		name, digest := r.Annotations[ocispec.AnnotationTitle], r.Digest.String()
		if slices.Contains(given, name) || slices.Contains(given, digest) {
			continue
		}
		if count[name] == 1 && name != "" && strings.HasPrefix(name, typed) && term.Escape(name) == name {
			names = append(names, name+"\t"+term.Escape(r.Kind))
		}
		if strings.HasPrefix(digest, typed) {
			digests = append(digests, digest+"\t"+term.Escape(strings.TrimSpace(r.Kind+" "+name)))
		}
	}
	return append(names, digests...), err
}

// attachedKinds returns the kinds of the attachments of a target, or their artifact types if they have no kind, each with the number
// of attachments.
func attachedKinds(ctx context.Context, t *app.Target) ([]string, error) {
	list, err := listAttached(ctx, t)
	count := map[string]int{}
	for _, r := range list {
		if name := cmp.Or(r.Kind, r.ArtifactType); name != "" && term.Escape(name) == name && !strings.Contains(name, ",") {
			count[name]++
		}
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		words = append(words, name+"\t"+term.Plural(count[name], "attachment"))
	}
	return words, err
}

// listAlerts returns the alerts in the runbooks of a target, each with the titles of its runbooks.
func listAlerts(ctx context.Context, t *app.Target, typed string) ([]string, error) {
	list, err := listAttached(ctx, t)
	titles := map[string][]string{}
	var alerts []string
	for _, r := range list {
		for _, alert := range r.Alerts() {
			if strings.HasPrefix(strings.ToLower(alert), strings.ToLower(typed)) {
				alerts = append(alerts, alert)
				titles[alert] = append(titles[alert], r.Annotations[ocispec.AnnotationTitle])
			}
		}
	}
	alerts = lists.SortUnique(alerts)
	for i, alert := range alerts {
		alerts[i] = term.Escape(alert) + "\t" + term.Escape(strings.Join(lists.Unique(titles[alert]), "; "))
	}
	return alerts, err
}

// platformsOf returns the platforms of a target that is an index.
func platformsOf(ctx context.Context, t *app.Target, _ string) ([]string, error) {
	desc, err := t.Find(ctx)
	if err != nil || !oci.IsIndex(desc.MediaType) {
		return nil, err
	}
	index, err := fetch.Load(ctx, t.Target, desc)
	if err != nil {
		return nil, err
	}
	var platforms []string
	for _, entry := range oci.Runnable(index.Manifests) {
		if entry.Platform != nil {
			platforms = append(platforms, term.Escape(oci.FormatPlatform(entry.Platform)))
		}
	}
	return lists.Unique(platforms), nil
}

// completeTarget completes a target: the host, the repository, and the tag, unless they take too long to list. The shell completes
// a word that may be a path.
func completeTarget(a *app.App, cmd *cobra.Command, name, typed string) ([]string, cobra.ShellCompDirective) {
	const noFiles = cobra.ShellCompDirectiveNoFileComp
	if cmd.Flags().Lookup("plain-http") == nil || app.SetFromEnv(cmd.Flags()) != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	a.Registry.RetryFor = -1
	isPath := typed != "" && strings.ContainsAny(typed[:1], "./~")
	otherwise := noFiles
	if typed == "" || name == "SOURCE" || isPath {
		otherwise = cobra.ShellCompDirectiveDefault
	}
	if repo, prefix, ok := cutTag(typed); ok {
		if words, ok := tagsOf(a, cmd, repo, prefix); ok {
			return words, noFiles
		}
		return nil, otherwise
	}
	var words []string
	host, _, hasHost := strings.Cut(typed, "/")
	switch {
	case typed == "" || isPath:
	case !hasHost && name == "PLACE":
		if all := hosts(a, cmd, typed); len(all) > 0 {
			return all, noFiles
		}
	case !hasHost:
		for _, host := range hosts(a, cmd, typed) {
			words = append(words, host+"/")
		}
	default:
		if host, ok := places.AsHost(host); ok {
			words = repositories(a, cmd, host, typed)
		}
	}
	if len(words) > 0 {
		return words, noFiles | cobra.ShellCompDirectiveNoSpace // a repository or tag follows
	}
	return nil, otherwise
}

// tagsOf returns REPO:TAG for the tags of a repository, layout, or archive that begin with a prefix; ok is false if they can't be listed.
func tagsOf(a *app.App, cmd *cobra.Command, repo, prefix string) (words []string, ok bool) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	t, err := a.Open(ctx, repo, registry.Read)
	if err != nil {
		return nil, false
	}
	defer t.Close(ctx, nil)
	tags, err := t.ListTags(ctx)
	if err != nil {
		return nil, false
	}
	for _, tag := range tags {
		if strings.HasPrefix(tag, prefix) && registry.ValidateTag(tag) == nil { // a shell could run a part of an invalid tag
			words = append(words, repo+":"+tag)
		}
	}
	return words, true
}

// hosts returns the registries in credentials files and host settings. It opens no connections, and runs no credential helpers.
func hosts(a *app.App, cmd *cobra.Command, typed string) []string {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	stored := registry.FromEnvironment()
	if file := a.Registry.Credentials.File; file != "" {
		stored.Credentials.File, stored.Credentials.Named = file, true
	}
	// A file that can't be read has no hosts to offer.
	all, _ := credentials.NewStore(stored.Credentials).Hosts(ctx)
	own, _ := pause.Await(ctx, stored.Hosts.Hosts)
	all = lists.Unique(append(all, own...))
	slices.Sort(all)
	return slices.DeleteFunc(all, func(host string) bool { return !strings.HasPrefix(host, typed) || term.Escape(host) != host })
}

// maxPages limits the pages of a catalog that are read to complete a repository.
const maxPages = 10

var errEnough = errors.New("enough pages") // ends the reading of a catalog

// repositories returns the repositories of a host that begin as typed or, if there are many, the next parts of their names.
func repositories(a *app.App, cmd *cobra.Command, host, typed string) []string {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	client, err := a.PlainClient()
	if err != nil {
		return nil
	}
	var words []string
	pages := 0
	typedHost, _, _ := strings.Cut(typed, "/")
	// If the registry has no catalog, or the time is up, the names found so far are offered.
	_ = client.Repositories(ctx, host, func(names []string) error {
		for _, name := range names {
			if word := typedHost + "/" + name; strings.HasPrefix(word, typed) && term.Escape(word) == word {
				words = append(words, word)
			}
		}
		if pages++; pages == maxPages {
			return errEnough
		}
		return nil
	})
	return shorten(words, typed)
}

// shorten returns words or, if there are more than maxPaths, only their next parts, up to a slash.
func shorten(words []string, typed string) []string {
	if len(words) <= maxPaths {
		return words
	}
	for i, word := range words {
		if part, _, below := strings.Cut(word[len(typed):], "/"); below {
			words[i] = typed + part + "/"
		}
	}
	return lists.Unique(words)
}

// cutTag cuts "REPO:TAG" at its colon, unless a port follows the colon.
func cutTag(typed string) (name, tag string, ok bool) {
	i := strings.LastIndexByte(typed, ':')
	if i <= strings.LastIndexByte(typed, '/') || !strings.Contains(typed, "/") {
		return "", "", false
	}
	return typed[:i], typed[i+1:], true
}
