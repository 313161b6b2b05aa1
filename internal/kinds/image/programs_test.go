package image_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"gopkg.in/yaml.v3"
)

// program returns the beginning of an ELF program for a processor of 64 bits.
func program(machine byte) string {
	return "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00" + string([]byte{machine, 0}) + "more"
}

// TestPrograms checks the messages about programs for different processors: an error if the user names the directories, and a warning
// if a davit.yaml lists them.
func TestPrograms(t *testing.T) {
	t.Parallel()
	amd64, arm64, i386 := program(62), program(183), "\x7fELF\x01\x01\x01"+strings.Repeat("\x00", 9)+"\x03\x00\x03\x00"
	const clash = `bin/x in "b" is for arm64, and replaces the one in "a", which is for amd64`
	for name, tt := range map[string]struct {
		files          map[string]string
		layers         []string
		refused, warns string
	}{
		"one path for two processors":                        {map[string]string{"a/bin/x": amd64, "b/bin/x": arm64}, []string{"a", "b"}, clash, clash},
		"one path for two processors, and a third directory": {map[string]string{"a/bin/x": amd64, "b/bin/x": arm64, "c/etc/x": ""}, []string{"c", "a", "b"}, clash, clash},
		"other paths for two processors":                     {map[string]string{"a/bin/x": amd64, "b/bin/y": arm64}, []string{"a", "b"}, "", `b/bin/y is for arm64, and the image for linux/amd64`},
		"one directory with programs for two processors":     {map[string]string{"a/bin/x": amd64, "a/bin/y": arm64}, []string{"a"}, "", ""},
		"only programs for another processor":                {map[string]string{"a/etc/x": "", "a/usr/bin/x": arm64}, []string{"a"}, "", `a/usr/bin/x is for arm64, and the image for linux/amd64; platforms:, or architecture: in config:, sets another in davit.yaml`},
		"one path for amd64 and 386":                         {map[string]string{"a/bin/x": amd64, "b/bin/x": i386}, []string{"a", "b"}, "", ""},
		"one path for one processor":                         {map[string]string{"a/bin/x": amd64, "b/bin/x": amd64}, []string{"a", "b"}, "", ""},
		"a program and a script":                             {map[string]string{"a/bin/x": amd64, "b/bin/x": "#!/bin/sh\n"}, []string{"a", "b"}, "", ""},
		"an ignored program":                                 {map[string]string{"a/bin/x": amd64, "b/bin/x": arm64, "b/etc/y": "", ".davitignore": "b/bin\n"}, []string{"a", "b"}, "", ""},
		"no programs":                                        {map[string]string{"a/x": "", "b/x": ""}, []string{"a", "b"}, "", ""},
		"files instead of directories":                       {map[string]string{"a": amd64, "b": arm64}, []string{"a", "b"}, "", ""},
	} {
		plain := &spec.Spec{Kind: "image", Settings: spec.Settings{Dir: "rootfs"}}
		for _, l := range tt.layers {
			plain.Layers = append(plain.Layers, spec.LayerSpec{Path: l})
		}
		_, err := artifact.Compose(kindtest.Tree(t, tt.files).FS(), plain)
		if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.refused)
		}
		const hint = `write a davit.yaml in "rootfs": {kind: image, platforms: [{platform: linux/amd64, layers: [a]}, {platform: linux/arm64, layers: [b]}]}`
		if tt.refused != "" && !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: got %v, want the hint %s", name, err, hint)
		}
		plan, err := kindtest.Compose(t, tt.files, "kind: image\nlayers: ["+strings.Join(tt.layers, ", ")+"]\n")
		if err != nil {
			t.Errorf("%s, declared: %v", name, err)
			continue
		}
		if got := strings.Join(plan.Warnings, "\n"); (got == "") != (tt.warns == "") || !strings.Contains(got, tt.warns) {
			t.Errorf("%s, declared: got warnings %q, want %q", name, got, tt.warns)
		}
	}
}

// TestNamesInPlatformsHint checks that the declaration in the hint is YAML for every name of a directory.
func TestNamesInPlatformsHint(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"b", "b c", "b, c", "b]", "{b}", "b #c", "'b", `"b`, "&b", "*b", "!b", "%b", "@b", "|b", "?b"} {
		root := kindtest.Tree(t, map[string]string{"a/x": program(62), dir + "/x": program(183)})
		_, err := artifact.Compose(root.FS(), &spec.Spec{Kind: "image", Layers: []spec.LayerSpec{{Path: "a"}, {Path: dir}}})
		_, hint, _ := strings.Cut(fmt.Sprint(err), "write a davit.yaml beside them: ")
		var declared struct{ Platforms []struct{ Layers []string } }
		if err := yaml.Unmarshal([]byte(strings.TrimSuffix(hint, ")")), &declared); err != nil || len(declared.Platforms) != 2 || declared.Platforms[1].Layers[0] != dir {
			t.Errorf("%q: got %v and %q, want a declaration with the directory", dir, err, hint)
		}
	}
}

// TestDirectoriesOfPlatforms checks that directories that are named after different platforms are refused as layers of one image,
// whatever is in them.
func TestDirectoriesOfPlatforms(t *testing.T) {
	t.Parallel()
	const clash = "%q is named after %s, and %q after %s"
	for _, tt := range []struct{ one, platform, two, other string }{ // other is "" if both are packed
		{"amd64", "linux/amd64", "arm64", "linux/arm64"},
		{"linux-amd64", "linux/amd64", "linux-arm64", "linux/arm64"},
		{"linux_amd64", "linux/amd64", "linux_arm_v7", "linux/arm/v7"},
		{"linux/amd64", "linux/amd64", "linux/arm64/v8", "linux/arm64"},
		{"linux/arm/v6", "linux/arm/v6", "linux/arm/v7", "linux/arm/v7"},
		{"x86_64", "linux/amd64", "aarch64", "linux/arm64"},
		{"x86-64", "linux/amd64", "i386", "linux/386"},
		{"rootfs-AMD64", "linux/amd64", "rootfs-s390x", "linux/s390x"},
		{"amd64", "linux/amd64", "windows-amd64", "windows/amd64"},
		{"armhf", "linux/arm/v7", "ppc64el", "linux/ppc64le"},
		{one: "amd64", two: "etc"},
		{one: "bin", two: "x86_64"},
		{one: "amd64", two: "x86_64"},
		{one: "amd64", two: "linux-amd64"},
		{one: "arm64", two: "aarch64/v8"},
		{one: "linux", two: "windows"},
		{one: "farm64", two: "amd640"},
		{one: "hello-amd64.txt", two: "hello-arm64.txt"},
	} {
		files := map[string]string{}
		for _, name := range []string{tt.one, tt.two} {
			if path.Ext(name) == ".txt" {
				files[name] = name
			} else {
				files[name+"/bin/x"], files[name+"/etc/x"] = name, name
			}
		}
		_, err := artifact.Compose(kindtest.Tree(t, files).FS(), &spec.Spec{Kind: "image", Layers: []spec.LayerSpec{{Path: tt.one}, {Path: tt.two}}})
		if tt.other == "" {
			if err != nil {
				t.Errorf("%s and %s: %v", tt.one, tt.two, err)
			}
			continue
		}
		want := fmt.Sprintf(clash, tt.two, tt.other, tt.one, tt.platform)
		hint := fmt.Sprintf("platforms: [{platform: %s, layers: [%s]}, {platform: %s, layers: [%s]}]", tt.platform, tt.one, tt.other, tt.two)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s and %s: got %v, want %s and the hint %s", tt.one, tt.two, err, want, hint)
		}
		plan, err := kindtest.Compose(t, files, "kind: image\nlayers: ["+tt.one+", "+tt.two+"]\n")
		if err != nil {
			t.Errorf("%s and %s, declared: %v", tt.one, tt.two, err)
		} else if got := strings.Join(plan.Warnings, "\n"); !strings.Contains(got, want) {
			t.Errorf("%s and %s, declared: got warnings %q, want %s", tt.one, tt.two, got, want)
		}
	}
}

// TestProgramsOfPlatforms checks that each platform of an index is compared only with its own programs, and that a declared
// architecture is compared with all programs.
func TestProgramsOfPlatforms(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a/bin/x": program(62), "b/bin/x": program(183), "base/x": ""}
	for declaration, want := range map[string]string{
		"platforms: [{platform: linux/amd64, layers: [a]}, {platform: linux/arm64, layers: [b]}]": "",
		"platforms: [{platform: linux/amd64, layers: [b]}, {platform: linux/arm64, layers: [b]}]": "image: b/bin/x is for arm64, and the image for linux/amd64",
		"config: {architecture: arm64}\nlayers: [b]":                                              "",
		"config: {architecture: arm64}\nlayers: [a]":                                              "image: a/bin/x is for amd64, and the image for linux/arm64",
		"kind: volume\nlayers: [b]":                                                               "",
	} {
		if !strings.HasPrefix(declaration, "kind:") {
			declaration = "kind: image\n" + declaration
		}
		plan, err := kindtest.Compose(t, files, declaration)
		if err != nil {
			t.Fatal(err)
		}
		var warnings []string
		for _, p := range append(plan.Platforms, plan) {
			warnings = append(warnings, p.Warnings...)
		}
		if got := strings.Join(warnings, "\n"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got warnings %q, want %q", declaration, got, want)
		}
	}
}
