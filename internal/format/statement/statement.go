// Package statement summarizes in-toto statements. It does not verify signatures.
package statement

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/dsse"
	"github.com/davit-oci/davit/internal/format/outline"
)

// maxRead limits the size of a statement, which is held in memory, in bytes.
const maxRead = 8 << 20

// content has the fields of a statement that a summary shows. The predicates are SLSA provenance 0.2 and 1, test results, and
// verification summaries.
type content struct {
	Type          string `json:"_type"`
	PredicateType string
	Subject       []struct {
		Name   string
		Digest map[string]string
	}
	Predicate struct {
		BuildType       string
		Builder         struct{ ID string }
		BuildDefinition struct {
			BuildType string
			Resolved  []struct{ URI string } `json:"resolvedDependencies"`
		}
		RunDetails struct {
			Builder  struct{ ID string }
			Metadata struct{ FinishedOn, InvocationID string }
		}
		Materials []struct{ URI string }
		Metadata  struct{ BuildFinishedOn string }
		Result    string
		Verdict   string `json:"verificationResult"`
	}
}

// Read summarizes a statement: bare, in a DSSE envelope, or in a sigstore bundle.
func Read(r io.Reader) (*outline.Outline, error) {
	data, err := io.ReadAll(bom.Skip(io.LimitReader(r, maxRead+1)))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRead {
		return nil, fmt.Errorf("statement too large: limit is %d MiB", maxRead>>20)
	}
	if inner, _ := dsse.Open(data); len(inner) > 0 {
		data = inner
	}
	var c content
	if err := json.Unmarshal(data, &c); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
		return nil, fmt.Errorf("reading the statement: %w", err)
	}
	if !strings.HasPrefix(c.Type, "https://in-toto.io/Statement/") {
		return nil, errors.New("not an in-toto statement")
	}
	return c.outline(), nil
}

// outline returns the outline of a statement, with a row for each subject.
func (c *content) outline() *outline.Outline {
	p := &c.Predicate
	o := &outline.Outline{Summary: outline.Clip(p.Verdict)}
	o.AddField("states", outline.Clip(c.PredicateType))
	o.AddField("builder", outline.Clip(cmp.Or(p.RunDetails.Builder.ID, p.Builder.ID)))
	o.AddField("build type", outline.Clip(cmp.Or(p.BuildDefinition.BuildType, p.BuildType)))
	o.AddField("run", outline.Clip(p.RunDetails.Metadata.InvocationID))
	o.AddField("finished", outline.Clip(cmp.Or(p.RunDetails.Metadata.FinishedOn, p.Metadata.BuildFinishedOn)))
	o.AddField("result", outline.Clip(cmp.Or(p.Verdict, p.Result)))
	for i, m := range append(p.BuildDefinition.Resolved, p.Materials...) {
		if i == maxMaterials {
			o.AddField("built from", "and more")
			break
		}
		o.AddField("built from", outline.Clip(m.URI))
	}
	for i, s := range c.Subject {
		if i == outline.MaxRows {
			break
		}
		o.Columns = []string{"SUBJECT", "DIGEST"}
		digest := s.Digest["sha256"]
		if digest != "" {
			digest = "sha256:" + digest
		}
		o.Rows = append(o.Rows, []string{outline.Clip(s.Name), outline.Clip(digest)})
	}
	return o
}

// maxMaterials limits the listed sources of a build.
const maxMaterials = 10
