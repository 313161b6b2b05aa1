package signature

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/sigstore"
)

// maxRead is the largest signature, in bytes, that is read into memory.
const maxRead = 1 << 20

// outlineOf summarizes a sigstore bundle or the payload of a cosign signature tag: the signed digests, and who claims to have
// signed them.
func outlineOf(r io.Reader, _ string) (*outline.Outline, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRead+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxRead:
		return nil, fmt.Errorf("signature too large: limit is %d MiB", maxRead>>20)
	case !json.Valid(data):
		return nil, errors.New("not a signature in JSON")
	}
	o := &outline.Outline{}
	var annotations map[string]string
	if bundle, err := sigstore.ParseBundle(data); err == nil {
		for _, s := range bundle.Statement.Subjects {
			for algorithm, value := range s.Digest {
				o.AddField("signs", outline.Clip(algorithm+":"+value))
			}
		}
		o.AddField("key", outline.Clip(bundle.Hint))
		o.AddField("certificate of", outline.Clip(bundle.Identity))
		o.AddField("issuer", outline.Clip(bundle.Issuer))
		annotations = bundle.Statement.Annotations()
	} else if simple, simpleErr := sigstore.ParseSimple(data); simpleErr == nil {
		o.AddField("signs", simple.Digest.String())
		o.AddField("repository", outline.Clip(simple.Reference))
		annotations = simple.Optional
	} else {
		return nil, cmp.Or(err, simpleErr)
	}
	o.AddField("signature", "not verified")
	for i, name := range slices.Sorted(maps.Keys(annotations)) {
		if i == outline.MaxRows {
			break
		}
		o.Columns = []string{"ANNOTATION", "VALUE"}
		o.Rows = append(o.Rows, []string{outline.Clip(name), outline.Clip(annotations[name])})
	}
	return o, nil
}
