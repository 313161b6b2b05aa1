// Command man writes the manual pages of davit from its help texts, so that the two can't say different things. It is no
// part of davit: "make docs" runs it.
//
//	man -o dist/man ./davit
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("o", ".", "the directory for the pages")
	flag.Parse()
	if err := write(*dir, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// write makes a page for davit, and one for each of its commands.
func write(dir, davit string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	version, err := output(davit, "--version")
	if err != nil {
		return err
	}
	text, err := output(davit, "--help")
	if err != nil {
		return err
	}
	root := parse(text)
	root.name, root.version = "davit", strings.TrimSpace(version)
	root.summary = "turns declared files into typed OCI artifacts; pushes, pulls and attaches them"
	if err := root.store(dir); err != nil {
		return err
	}
	for _, c := range root.commands() {
		text, err := output(davit, c.term, "--help")
		if err != nil {
			return err
		}
		h := parse(text)
		h.name, h.summary, h.version = "davit-"+c.term, c.text, root.version
		if err := h.store(dir); err != nil {
			return err
		}
	}
	return nil
}

// output runs davit without the settings of whoever makes the pages.
func output(davit string, args ...string) (string, error) {
	cmd := exec.Command(davit, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DAVIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", davit, strings.Join(args, " "), err)
	}
	return string(out), nil
}

func (h *help) store(dir string) error {
	return os.WriteFile(filepath.Join(dir, h.name+".1"), []byte(h.page()), 0o666)
}
