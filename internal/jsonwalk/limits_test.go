package jsonwalk_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/davit-oci/davit/internal/jsonwalk"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := jsonwalk.Limits{Objects: 3, Values: 10}
	tests := []struct {
		data, what string // the exceeded limit; "": none
	}{
		{`{}`, ""},
		{`[{},{},{}]`, ""},
		{`[{},{},{},{}]`, "objects"},
		{`{"a":{"b":{"c":{}}}}`, "objects"},
		{`[1,2,3,4,5,6,7,8,9,10]`, ""},
		{`[1,2,3,4,5,6,7,8,9,10,11]`, "values"},
		{`[[],[],[],[],[],[]]`, "values"},
		{`"{{{{{{,,,,,,,,,,,,,,"`, ""},
		{`["\"{{{{{,,,,,,,,,,,\\\"","\\",{}]`, ""},
		{`["\\",{},{},{},{}]`, "objects"},
		{strings.Repeat("[", 1000), "values"},
	}
	for _, test := range tests {
		check := func(way string, err error) {
			var exceeded *jsonwalk.LimitError
			if errors.As(err, &exceeded); (exceeded == nil) != (test.what == "") || exceeded != nil && exceeded.What != test.what {
				t.Errorf("%s of %.40s: got %v, want the exceeded limit %q", way, test.data, err, test.what)
			}
		}
		check("check", limits.Check([]byte(test.data)))
		for _, r := range []io.Reader{strings.NewReader(test.data), iotest.OneByteReader(strings.NewReader(test.data))} {
			got, err := io.ReadAll(limits.Reader(r))
			check("read", err)
			if err == nil && string(got) != test.data {
				t.Errorf("got %q, want %q", got, test.data)
			}
		}
	}
}

// FuzzLimits checks that a document that passes Check has no more objects and values than the limits allow.
func FuzzLimits(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\\"},null]}`, `["\"",{"}":{}}]`, `[[[[]]],{}]`, `{"a":"\u007b,","b":[{},{}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := jsonwalk.Limits{Objects: 5, Values: 20}
		var v any
		if limits.Check(data) != nil || json.Unmarshal(data, &v) != nil {
			return
		}
		objects, values := count(v)
		if objects > limits.Objects || values > limits.Values+1 {
			t.Errorf("%q: got %d objects and %d values, want at most %d and %d", data, objects, values, limits.Objects, limits.Values+1)
		}
	})
}

// count counts the objects in a decoded document, and the values without elements.
func count(v any) (objects, values int) {
	add := func(v any) {
		o, n := count(v)
		objects, values = objects+o, values+n
	}
	switch v := v.(type) {
	case map[string]any:
		objects = 1
		for _, member := range v {
			add(member)
		}
	case []any:
		for _, element := range v {
			add(element)
		}
	}
	return objects, max(values, 1)
}
