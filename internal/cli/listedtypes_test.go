package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// onlyImages is a fault that refuses manifests other than those of images, as GitLab's registry does.
func onlyImages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m struct {
			ArtifactType string
			Config       struct{ MediaType string }
		}
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		for _, name := range []string{m.ArtifactType, m.Config.MediaType} {
			if err != nil || name != "" && name != "application/vnd.oci.image.config.v1+json" {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":"unknown media type: %s"}]}`, name)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// TestRegistryOfImages pushes docs and a runbook to a registry that accepts only images, and then follows the hint.
func TestRegistryOfImages(t *testing.T) {
	reg := registrytest.Start(t, registrytest.Options{})
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	reg.Inject("PUT manifest", faults.Always, onlyImages)
	writeFile(t, filepath.Join(dir, "manual", "index.md"), "# Manual\n")
	writeFile(t, filepath.Join(dir, "down.md"), "---\ntitle: Down\nalerts: [Down]\n---\n# Down\n")
	davit(t, "push", "-q", "--kind", "image", filepath.Join(dir, "manual"), reg.Host+"/app:1")
	for _, tc := range []struct{ command, again, shows string }{
		{"push $D/manual $R/manual:1", "push --kind image $D/manual $R/manual:1", "Manual"},
		{"push $D/down.md $R/down:1", "push --kind image $D/down.md $R/down:1", "Down"},
		{"attach $D/down.md $R/app:1", "attach --kind image $D/down.md $R/app:1", ""},
	} {
		fill := strings.NewReplacer("$D", dir, "$R", reg.Host)
		var out, stderr bytes.Buffer
		code := Run(t.Context(), strings.Fields(fill.Replace(tc.command)), strings.NewReader(""), &out, &stderr)
		if text := stderr.String(); code != int(exit.Network) || !strings.Contains(text, "unknown media type: application/vnd.davit.") || !strings.Contains(text, "--kind image packs the same files") {
			t.Errorf("%s: got exit code %d, want %d and the hint --kind image: %s", tc.command, code, exit.Network, text)
		}
		davit(t, append([]string{"-q"}, strings.Fields(fill.Replace(tc.again))...)...)
		if tc.shows == "" {
			continue
		}
		target := strings.Fields(fill.Replace(tc.again))[4]
		pulled := filepath.Join(t.TempDir(), "out")
		davit(t, "-q", "pull", target, "-o", pulled)
		var found bool
		for _, name := range []string{"index.md", "down.md"} {
			data, err := os.ReadFile(filepath.Join(pulled, name))
			found = found || err == nil && strings.Contains(string(data), "# "+tc.shows)
		}
		if !found {
			t.Errorf("%s: the page is not in %s", tc.again, pulled)
		}
	}
}
