package pull

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDepth bounds the nesting of a manifest: the spec's own is 4.
const maxDepth = 16

// fields are the names that readers look for. Go's json takes them in any case, others don't.
var fields = []string{
	"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject", "annotations",
	"digest", "size", "urls", "data", "platform", "architecture", "os", "os.version", "os.features", "variant",
}

// checkUnambiguous refuses JSON that two parsers could read differently: names that stand twice in an object, or that
// differ from a name of the spec in case only.
func checkUnambiguous(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := walkValue(dec, false, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// walkValue reads one value; free says that the names in it are the author's own.
func walkValue(dec *json.Decoder, free bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return walkObject(dec, free, depth)
	case json.Delim('['):
		for dec.More() {
			if err := walkValue(dec, free, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}

func walkObject(dec *json.Decoder, free bool, depth int) error {
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if !free {
			if known := slices.IndexFunc(fields, func(f string) bool { return strings.EqualFold(f, name) }); known >= 0 &&
				fields[known] != name {
				return fmt.Errorf("the name %q is neither %q nor different from it", name, fields[known])
			}
		}
		if seen[name] {
			return fmt.Errorf("the name %q stands twice in one object", name)
		}
		seen[name] = true
		if err := walkValue(dec, free || name == "annotations", depth+1); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}
