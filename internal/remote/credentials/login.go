package credentials

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and stores
// them: in the credential helper that File names, or in that file itself. It returns the path of the file, or "" for a helper.
func (s *Store) Login(ctx context.Context, t *transport.Transport, host, username, password string) (string, error) {
	name, err := reference.ParseHost(host)
	if err != nil {
		return "", err
	}
	config, err := pause.Await(ctx, s.readOwn)
	if err != nil {
		return "", err
	}
	helper, address := config.helper(normalHost(name))
	if helper != "" {
		if err := s.checkUsable(helper); err != nil {
			return "", err
		}
	}
	cred := explicitCredential(username, password)
	if err := checkCredential(ctx, t, name, cred); err != nil {
		return "", err
	}
	if helper != "" {
		if err := credentials.NewNativeStore(helper).Put(ctx, address, cred); err != nil {
			return "", &artifact.Error{Op: "storing credentials for", Item: name, Err: err}
		}
		return "", nil
	}
	err = editConfig(ctx, s.File, func(auths map[string]json.RawMessage) (bool, error) {
		for _, key := range keysOf(auths, normalHost(name)) {
			delete(auths, key) // an existing entry may have a different key, such as the URL of Docker's API
		}
		entry := dockerAuth{IdentityToken: cred.RefreshToken}
		if username != "" {
			entry.Auth = base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
		}
		data, err := json.Marshal(entry)
		auths[serverAddress(name)] = data
		return true, err
	})
	if err != nil {
		return "", &artifact.Error{Op: "storing credentials for", Item: name, Err: err}
	}
	return s.File, nil
}

// readOwn reads the file that Login writes. It need not exist.
func (s *Store) readOwn() (*dockerConfig, error) {
	if s.File == "" {
		return nil, &artifact.Error{Err: &fs.PathError{Op: "locating", Path: "config.json", Err: errors.New("no home directory found")},
			Hint: "name a file with --registry-config, or set DOCKER_CONFIG to a directory"}
	}
	config, err := readDockerConfig(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return &dockerConfig{path: s.File}, nil
	}
	return config, err
}

// checkUsable returns an error if a credential helper has an invalid name or is not installed.
func (s *Store) checkUsable(helper string) error {
	if err := checkHelper(helper); err != nil {
		return err
	}
	if _, err := exec.LookPath("docker-credential-" + helper); err != nil {
		return &artifact.Error{Op: "using the credential helper of", Item: s.File,
			Err:  &fs.PathError{Op: "run", Path: "docker-credential-" + helper, Err: errors.New("executable not found in PATH")},
			Hint: fmt.Sprintf("install it, or remove %q from credsStore or credHelpers in %s", helper, s.File)}
	}
	return nil
}

// checkCredential returns an error if a registry does not accept the credentials.
func checkCredential(ctx context.Context, t *transport.Transport, host string, cred auth.Credential) error {
	name := registry.Reference{Registry: host}
	scheme := "https"
	if t.Security.IsPlain(host) {
		scheme = "http"
	}
	used := false
	client := &auth.Client{Client: t.Client(), ClientID: "davit", Credential: func(context.Context, string) (auth.Credential, error) {
		used = true
		return cred, nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+name.Host()+"/v2/", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err == nil {
		defer transport.Drain(resp)
		if err = transport.WebPage(resp); err == nil && resp.StatusCode/100 != 2 {
			err = transport.ResponseError(resp)
		}
		if err == nil { // a truncated body is an error, too
			_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		}
	}
	if err != nil {
		return transport.Wrap(ctx, host, "logging in to "+host, err)
	}
	if !used {
		t.Notify("%s did not require authentication; storing the credentials unchecked", host)
	}
	return nil
}

// Logout removes the credentials of a host from its helper and from all files. It fails with errdef.ErrNotFound if it finds no
// credentials.
func (s *Store) Logout(ctx context.Context, host string) error {
	name, err := reference.ParseHost(host)
	if err != nil {
		return err
	}
	config, err := pause.Await(ctx, s.readOwn)
	if err != nil {
		return err
	}
	found := false
	if helper, address := config.helper(normalHost(name)); helper != "" {
		if err := s.checkUsable(helper); err != nil {
			return err
		}
		store := credentials.NewNativeStore(helper)
		cred, err := store.Get(ctx, address)
		if err != nil {
			return &transport.Denied{Host: name, Step: "reading credentials", Err: err}
		}
		if found = cred != auth.EmptyCredential; found {
			if err := store.Delete(ctx, address); err != nil {
				return &artifact.Error{Op: "removing credentials for", Item: name, Err: err}
			}
		}
	}
	for _, file := range append([]string{s.File}, s.Files...) {
		if _, err := os.Stat(file); err != nil {
			continue
		}
		hasKeys := false
		err := editConfig(ctx, file, func(auths map[string]json.RawMessage) (bool, error) {
			keys := keysOf(auths, normalHost(name))
			for _, key := range keys {
				delete(auths, key)
			}
			hasKeys = len(keys) > 0
			found = found || hasKeys
			return hasKeys, nil
		})
		if err != nil && (file == s.File || hasKeys || !errors.Is(err, fs.ErrPermission)) { // another user's file has no credentials to remove
			return &artifact.Error{Op: "removing credentials for", Item: name, Err: err}
		}
	}
	if !found {
		return fmt.Errorf("credentials for %q: %w", name, errdef.ErrNotFound)
	}
	return nil
}

// editConfig changes the entries of a file and keeps its other fields. If given is a symbolic link, editConfig changes its target.
// It locks the file's directory, so that concurrent processes do not lose entries. It can't lock the file, which it replaces.
func editConfig(ctx context.Context, given string, edit func(auths map[string]json.RawMessage) (changed bool, err error)) error {
	path := given
	if target, err := filepath.EvalSymlinks(given); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if f, err := os.Open(dir); err == nil {
		defer filelock.WaitFile(ctx, f).Release()
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	config, err := parseObject(data)
	auths := config
	nested := !isOldFormat(given, config["auths"] != nil)
	if nested && err == nil {
		auths, err = parseObject(config["auths"])
	}
	if err != nil {
		return reference.Invalid(fmt.Errorf("%s: %w", path, err), artifact.ErrInvalid)
	}
	if changed, err := edit(auths); err != nil || !changed {
		return err
	}
	if nested {
		if config["auths"], err = json.Marshal(auths); err != nil {
			return err
		}
	}
	if data, err = json.MarshalIndent(config, "", "\t"); err != nil {
		return err
	}
	return durable.ReplaceFile(path, append(data, '\n'), 0o600, 0o660)
}

// parseObject parses a JSON object. For empty data and for null, it returns an empty map.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	object := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(data)) == 0 {
		return object, nil
	}
	err := json.Unmarshal(data, &object)
	if object == nil {
		object = map[string]json.RawMessage{}
	}
	return object, err
}
