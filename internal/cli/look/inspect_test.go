package look

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull/inspect"
)

// TestInspectHistory checks that inspect shows the history of an image once, with the created_by or comment of each layer.
func TestInspectHistory(t *testing.T) {
	t.Parallel()
	info := &inspect.Info{Kind: "image", Config: &inspect.Config{Content: []byte(`{
		"os": "linux", "config": {"Env": ["A=b"], "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {}}, "rootfs": {"type": "layers"},
		"history": [{"created_by": "COPY . /"}, {"created_by": "ENV A=b", "empty_layer": true}, {"comment": "\u001b[31mred"}, 7]}`)}}
	var b strings.Builder
	if err := (inspectResult{Info: info}).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"config.Env", "config.ExposedPorts  53/udp, 80/tcp\n", "├── layer     COPY . /\n", "├── no layer  ENV A=b\n", `layer     \x1b[31mred`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "4 items") {
		t.Errorf("the history is shown twice:\n%s", b.String())
	}
}
