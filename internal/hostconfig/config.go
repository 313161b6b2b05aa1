package hostconfig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/reference"
	"gopkg.in/yaml.v3"
)

// Example is a file with all keys, for the help and the documents.
const Example = `registries:
  registry.example.com:
    caFile: ca.pem                # certificates to trust, relative to this file
    mirrors: [mirror.example.com] # HOST or HOST/PATH, to read from first
    concurrency: 4                # connections for one blob
  10.0.0.7:5000:
    plainHTTP: true               # no TLS
  registry.test:
    insecure: true                # the certificate is not checked
`

// hostSettings are the settings of one host in davit's own file.
type hostSettings struct {
	PlainHTTP   bool     `yaml:"plainHTTP"`
	Insecure    bool     `yaml:"insecure"`
	CAFile      string   `yaml:"caFile"` // relative to the file
	Mirrors     []string `yaml:"mirrors"`
	Concurrency int      `yaml:"concurrency"`
}

// readConfig reads davit's own file.
func readConfig(file string) (map[string]hostSettings, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var parsed struct {
		Registries map[string]hostSettings `yaml:"registries"`
	}
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&parsed); err != nil && !errors.Is(err, io.EOF) {
		return nil, invalid(file, worded(err))
	}
	for host, s := range parsed.Registries {
		if err := reference.ValidateHost(host); err != nil {
			return nil, invalid(file, err)
		}
		if s.Concurrency < 0 {
			return nil, invalid(file, fmt.Errorf("concurrency of %s: can't be negative; 0 is the default", host))
		}
		if s.CAFile != "" && !filepath.IsAbs(s.CAFile) {
			s.CAFile = filepath.Join(filepath.Dir(file), s.CAFile)
		}
		for i, mirror := range s.Mirrors {
			s.Mirrors[i] = strings.TrimRight(mirror, "/")
			if name, _, _ := strings.Cut(mirror, "/"); reference.ValidateHost(name) != nil || strings.Contains(mirror, "://") {
				return nil, invalid(file, fmt.Errorf("mirror %q of %s: must be HOST, or HOST/PATH", mirror, host))
			}
		}
		parsed.Registries[host] = s
	}
	return parsed.Registries, nil
}

// worded rewords an error of the YAML decoder for users, on one line.
func worded(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		return yamlerror.Worded(err)
	}
	text := types.Errors[0]
	if at, key, ok := strings.Cut(text, ": field "); ok {
		key, _, _ = strings.Cut(key, " ")
		return fmt.Errorf("%s: unknown key %q: the keys are registries and, for each host, %s", at, key, strings.Join(hostKeys(), ", "))
	}
	return yamlerror.Worded(err)
}

// hostKeys returns the keys of the settings of a host.
func hostKeys() (keys []string) {
	for t, i := reflect.TypeFor[hostSettings](), 0; i < t.NumField(); i++ {
		keys = append(keys, t.Field(i).Tag.Get("yaml"))
	}
	return keys
}
