package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// client is a program that pushes and pulls. Its commands are run in the directory of the files.
type client struct {
	name    string
	path    string
	push    func(ref string, paths []string) []string
	pull    func(ref, dir string) []string
	folders bool // takes directories
}

// peers returns the other clients on this machine. The results of davit are compared with the first one.
func peers() []client {
	oras := client{name: "oras", folders: true,
		push: func(ref string, paths []string) []string {
			return slices.Concat([]string{"push", "--plain-http", "--no-tty", ref}, paths)
		},
		pull: func(ref, dir string) []string { return []string{"pull", "--plain-http", "--no-tty", "-o", dir, ref} },
	}
	regctl := client{name: "regctl",
		push: func(ref string, paths []string) []string {
			args := append(plainRegctl(ref), "put", "--artifact-type", "application/vnd.bench", "--file-title")
			for _, path := range paths {
				args = append(args, "--file", path, "--file-media-type", "application/octet-stream")
			}
			return append(args, ref)
		},
		pull: func(ref, dir string) []string { return append(plainRegctl(ref), "get", "--output", dir, ref) },
	}
	var found []client
	for _, c := range []client{oras, regctl} {
		if c.path = find(c.name); c.path != "" {
			found = append(found, c)
		}
	}
	return found
}

func plainRegctl(ref string) []string {
	host, _, _ := strings.Cut(ref, "/")
	return []string{"--host", "reg=" + host + ",tls=disabled", "artifact"}
}

// davit returns the client under test.
func davit(path string) client {
	return client{name: "davit", path: path, folders: true,
		push: func(ref string, paths []string) []string {
			return slices.Concat([]string{"push", "--quiet", "--kind", "generic"}, paths, []string{ref})
		},
		pull: func(ref, dir string) []string { return []string{"pull", "--quiet", ref, "--output", dir} },
	}
}

// find returns the path of a program, or "". Like the tests, it searches the tools that "make clients" builds, and then PATH.
func find(name string) string {
	tools := os.Getenv("DAVIT_TOOLS")
	if tools == "" {
		tools = filepath.Join("..", "..", ".tools")
	}
	if path, err := filepath.Abs(filepath.Join(tools, "bin", name)); err == nil {
		if path, err = exec.LookPath(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}
