package signing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/format/policy"
	"github.com/davit-oci/davit/pull/trust"
)

// systemPolicy is the policy of all users (containers-policy.json(5)).
const systemPolicy = "/etc/containers/policy.json"

// readPolicyDemands returns the signatures that the policy of podman and skopeo, containers-policy.json(5), requires of an artifact. It
// returns none without a policy, and fails with artifact.ErrRefused if the policy rejects the artifact.
func readPolicyDemands(a *app.App, ref registry.Reference) ([]trust.Options, error) {
	p, file, err := readPolicy()
	if p == nil || err != nil {
		return nil, err
	}
	requirements, err := requirementsFor(p, ref)
	if err != nil {
		return nil, err
	}
	var demands []trust.Options
	for _, r := range requirements {
		switch r.Type {
		case policy.Reject:
			return nil, &artifact.Error{Op: "reading", Item: ref.String(), Err: artifact.Refused("", "the policy rejects it"),
				Hint: "the policy is " + file + "; see containers-policy.json(5)"}
		case policy.SignedBy:
			a.Warn("%s requires a GPG signature of %s, which davit does not check", file, ref)
		case policy.SigstoreSigned:
			demand, err := newDemand(a.Context, r, ref)
			if err != nil {
				return nil, &exit.UsageError{Err: fmt.Errorf("%s: %w", file, err)}
			}
			demands = append(demands, *demand)
		}
	}
	return demands, nil
}

// requirementsFor returns the requirements of a policy for an artifact.
func requirementsFor(p *policy.Policy, ref registry.Reference) ([]policy.Requirement, error) {
	if !ref.IsPath() {
		reference := ref.Name() + ":" + ref.Tag
		if ref.Digest != "" {
			reference = ref.Name() + "@" + ref.Digest.String()
		}
		return p.For(ref.Name(), reference), nil
	}
	path, err := filepath.Abs(ref.Path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	transport := "oci"
	if ref.IsArchive() {
		transport = "oci-archive"
	}
	return p.ForPath(transport, filepath.ToSlash(path)), nil
}

// newDemand returns the options to verify a requirement, with its keys.
func newDemand(ctx context.Context, r policy.Requirement, ref registry.Reference) (*trust.Options, error) {
	if r.Keyless {
		return nil, errors.New("keyless signatures are required, which davit does not check")
	}
	names := r.KeyPaths
	if r.KeyPath != "" {
		names = []string{r.KeyPath}
	}
	keys, err := readPublicKeys(ctx, names)
	if err != nil {
		return nil, err
	}
	inline := r.KeyDatas
	if len(r.KeyData) > 0 {
		inline = [][]byte{r.KeyData}
	}
	for _, data := range inline {
		key, err := trust.ParseKey(data, "the key in the policy")
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	name, tag := "", ref.Tag
	if !ref.IsPath() {
		name = ref.Name()
	}
	if ref.Digest != "" {
		tag = ""
	}
	return &trust.Options{Keys: keys, Accepts: func(signed string) bool { return r.SignedIdentity.Accepts(signed, name, tag) }}, nil
}

// readPolicy returns the policy of the user, or else of all users, and the path of its file. Without a policy, it returns nil.
func readPolicy() (*policy.Policy, string, error) {
	files := []string{systemPolicy}
	if home, err := os.UserHomeDir(); err == nil {
		files = []string{filepath.Join(home, ".config", "containers", "policy.json"), systemPolicy}
	}
	for _, file := range files {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // HOME=/dev/null is common in CI
			continue
		}
		if err != nil {
			return nil, "", exit.FileError("policy", file, err)
		}
		data, err := io.ReadAll(io.LimitReader(f, policy.MaxSize+1))
		f.Close()
		if err != nil {
			return nil, "", exit.FileError("policy", file, err)
		}
		p, err := policy.Parse(data)
		if err != nil {
			return nil, "", &exit.UsageError{Err: fmt.Errorf("%s: %w", file, err), Hint: "see containers-policy.json(5)"}
		}
		return p, file, nil
	}
	return nil, "", nil
}
