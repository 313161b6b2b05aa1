package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestPagerCommand(t *testing.T) {
	for _, test := range []struct{ own, common, want string }{
		{"more", "less -S", "more"},
		{"unset", "less -S", "less -S"},
		{"unset", "cat", ""},
		{"", "less", ""},
		{"unset", "unset", "less"},
	} {
		for name, value := range map[string]string{"DAVIT_PAGER": test.own, "PAGER": test.common} {
			t.Setenv(name, value)
			if value == "unset" {
				os.Unsetenv(name)
			}
		}
		if got := pagerCommand(); got != test.want {
			t.Errorf("DAVIT_PAGER=%s PAGER=%s: got %q, want %q", test.own, test.common, got, test.want)
		}
	}
}

func TestRunPager(t *testing.T) {
	screen, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	a := &app{stdout: screen}
	for _, pager := range []string{"tr a-z A-Z", "exit 127", "exit 3"} {
		if err := a.runPager(pager, screen, []byte(pager+"\n")); err != nil {
			t.Errorf("%s: %v", pager, err)
		}
	}
	if _, err := screen.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(screen)
	if want := "TR A-Z A-Z\nexit 127\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
