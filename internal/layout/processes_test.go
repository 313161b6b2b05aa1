package layout

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	rand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// children are the functions that the test binary runs as a child process of a test, by name.
var children = map[string]func(ctx context.Context, path string, args []string) error{
	"artifacts": childArtifacts,
	"forever":   childForever,
	"full disk": childFullDisk,
	"denied":    childDenied,
}

const childVariable = "DAVIT_TEST_CHILD"

func TestMain(m *testing.M) {
	run, ok := children[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := run(context.Background(), os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// childCommand returns a command that runs one of children with a layout or archive.
func childCommand(t *testing.T, name, path string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	return cmd
}

// openPlace opens a layout or archive for writing.
func openPlace(path string) (testTarget, error) {
	if strings.HasSuffix(path, ".tar") {
		return archive.Open(path, reference.Write)
	}
	return Open(path, reference.Write)
}

// store pushes an artifact with one layer.
func store(ctx context.Context, target oras.Target, layer []byte, subject *ocispec.Descriptor) (ocispec.Descriptor, error) {
	blob, err := oras.PushBytes(ctx, target, "text/plain", layer)
	if err != nil {
		return blob, err
	}
	config, err := oras.PushBytes(ctx, target, ocispec.MediaTypeEmptyJSON, []byte("{}"))
	if err != nil {
		return config, err
	}
	data, err := json.Marshal(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.test", Config: config,
		Layers: []ocispec.Descriptor{blob}, Subject: subject})
	if err != nil {
		return config, err
	}
	return oras.PushBytes(ctx, target, ocispec.MediaTypeImageManifest, data)
}

// sharedSubject is the subject of the referrers that the processes push. It is not stored.
var sharedSubject = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("subject"), Size: 7}

// perProcess is the number of artifacts that a process stores.
const perProcess = 4

// childArtifacts repeatedly opens a layout or archive and stores a referrer with a new tag.
func childArtifacts(ctx context.Context, path string, args []string) error {
	if args[1] != "locks" {
		ctx = filelock.Without(ctx)
	}
	for i := range perProcess {
		target, err := openPlace(path)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%d", args[0], i)
		desc, err := store(ctx, target, []byte(name), &sharedSubject)
		if err == nil {
			err = target.Tag(ctx, desc, name)
		}
		if err := target.Close(ctx, err); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func TestProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	const processes = 5
	for _, place := range []string{"oci", "oci.tar"} {
		for _, locks := range []string{"locks", "no locks"} {
			t.Run(place+"/"+locks, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), place)
				var group sync.WaitGroup
				for i := range processes {
					group.Go(func() {
						if output, err := childCommand(t, "artifacts", path, fmt.Sprint(i), locks).CombinedOutput(); err != nil {
							t.Errorf("%v: %s", err, output)
						}
					})
				}
				group.Wait()
				tags, referrers := checkIntact(t, path)
				if len(tags) != processes*perProcess || referrers != processes*perProcess {
					t.Errorf("got %d tags and %d referrers, want %d each: %q", len(tags), referrers, processes*perProcess, tags)
				}
				checkNoTempFiles(t, path)
			})
		}
	}
}

// checkIntact checks that all listed content exists and matches its digest. It returns the tags, and the number of referrers
// of sharedSubject.
func checkIntact(t *testing.T, path string) (tags []string, referrers int) {
	t.Helper()
	ctx := context.Background() // may be called in a cleanup, when the context of the test is canceled
	target, err := openPlace(path)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close(context.Background(), nil)
	err = target.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil })
	if err != nil {
		t.Fatalf("%s is damaged: %v", path, err)
	}
	for _, tag := range tags {
		desc, err := target.Resolve(ctx, tag)
		if err == nil {
			err = readAll(ctx, target, desc)
		}
		if err != nil {
			t.Errorf("tag %s: %v", tag, err)
		}
	}
	found, err := target.Predecessors(ctx, sharedSubject)
	if err != nil {
		t.Error(err)
	}
	for _, desc := range found {
		if err := readAll(ctx, target, desc); err != nil {
			t.Errorf("referrer %s: %v", desc.Digest, err)
		}
	}
	return tags, len(found)
}

// readAll reads a manifest and all content reachable from it.
func readAll(ctx context.Context, target oras.ReadOnlyTarget, desc ocispec.Descriptor) error {
	if !manifest.Is(desc.MediaType) {
		rc, err := target.Fetch(ctx, desc)
		if err != nil {
			return err
		}
		defer rc.Close()
		_, err = io.Copy(io.Discard, rc)
		return err
	}
	data, err := content.FetchAll(ctx, target, desc)
	if err != nil {
		return err
	}
	links, err := catalog.ParseLinks(data)
	if err != nil {
		return err
	}
	for _, next := range slices.Concat(links.Children, links.Blobs) {
		if err := readAll(ctx, target, next); err != nil {
			return fmt.Errorf("%s: %w", next.Digest, err)
		}
	}
	return nil
}

// checkNoTempFiles checks that there are no temporary files in a layout or beside an archive.
func checkNoTempFiles(t *testing.T, path string) {
	t.Helper()
	allowed := []string{filepath.Base(path)}
	dir := filepath.Dir(path)
	if !strings.HasSuffix(path, ".tar") {
		allowed, dir = []string{"blobs", "index.json", "oci-layout"}, path
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(allowed, e.Name()) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// childForever stores large artifacts until it is killed. It prints the tag of an artifact after it is stored.
func childForever(ctx context.Context, path string, args []string) error {
	for i := 0; ; i++ {
		target, err := openPlace(path)
		if err != nil {
			return err
		}
		tag := fmt.Sprintf("%s-%d", args[0], i)
		desc, err := store(ctx, target, bytes.Repeat([]byte(tag), 100_000), &sharedSubject)
		if err == nil {
			err = target.Tag(ctx, desc, tag)
		}
		if err := target.Close(context.Background(), err); err != nil {
			return err
		}
		fmt.Println(tag)
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"oci", "oci.tar"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), place)
			random := rand.New(rand.NewPCG(1, 2))
			var done []string
			for round := range 20 {
				after := time.Duration(random.IntN(60)) * time.Millisecond
				done = append(done, runAndKill(t, path, fmt.Sprint("round", round), round%2 == 0, after)...)
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					continue // killed before the layout was created
				}
				tags, _ := checkIntact(t, path)
				for _, tag := range done {
					if !slices.Contains(tags, tag) {
						t.Errorf("round %d: tag %s is lost", round, tag)
					}
				}
			}
			target, err := openPlace(path) // the next writer cleans up
			if err != nil {
				t.Fatal(err)
			}
			desc, err := store(t.Context(), target, []byte("last"), nil)
			if err == nil {
				err = target.Tag(t.Context(), desc, "last")
			}
			if err := target.Close(context.Background(), err); err != nil {
				t.Fatal(err)
			}
			checkNoTempFiles(t, path)
			if len(done) == 0 {
				t.Error("no process stored an artifact")
			}
		})
	}
}

// runAndKill runs childForever, kills the process, and returns the tags that it printed. The time until the kill is measured from
// the start of the process if early is set, or else from its first artifact.
func runAndKill(t *testing.T, path, name string, early bool, after time.Duration) []string {
	t.Helper()
	cmd := childCommand(t, "forever", path, name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) }
	if early {
		kill()
	}
	var tags []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if tags = append(tags, lines.Text()); len(tags) == 1 && !early {
			kill()
		}
	}
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Errorf("%s: %s", name, stderr.String())
	}
	return tags
}
