package printer

import (
	"os"
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
