// Package yamlscalar reads YAML scalars as JSON values.
package yamlscalar

import (
	"encoding/json"
	"math"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Read returns the value of n: nil, a bool, a json.Number, or a string. ok is false for other tags, and for infinities and NaN,
// which JSON does not have.
func Read(n *yaml.Node) (value any, ok bool) {
	switch n.ShortTag() {
	case "!!null":
		return nil, true
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err == nil
	case "!!int", "!!float":
		return readNumber(n)
	case "!!str", "!!timestamp":
		return n.Value, true
	}
	return nil, false
}

// readNumber reads a number. It keeps the spelling if that is valid in JSON.
func readNumber(n *yaml.Node) (any, bool) {
	if json.Valid([]byte(n.Value)) {
		return json.Number(n.Value), true
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
		return json.Number(strconv.FormatInt(i, 10)), true
	}
	var f float64
	if n.Decode(&f) != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, false
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), true
}
