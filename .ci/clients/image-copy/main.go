// Image-copy replaces skopeo, and makes the same calls to the containers/image library. Debian builds skopeo and podman
// without support for sigstore signatures.
//
//	image-copy --policy FILE SRC DST             (copies only images that the policy accepts)
//	image-copy --sign-key KEY SRC DST            (signs the copy; $COSIGN_PASSWORD is the password of the key)
//
// Signatures are read from and written to tags sha256-….sig in the repository of the image.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/transports/alltransports"
	"go.podman.io/image/v5/types"
)

func main() {
	log.SetFlags(0)
	policy := flag.String("policy", "", "policy.json")
	key := flag.String("sign-key", "", "private key to sign with")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: image-copy [--policy FILE] [--sign-key KEY] SRC DST")
	}
	if err := run(*policy, *key, flag.Arg(0), flag.Arg(1)); err != nil {
		log.Fatal(err)
	}
}

func run(policyFile, key, from, to string) error {
	registries, err := os.MkdirTemp("", "registries.d")
	if err != nil {
		return err
	}
	defer os.RemoveAll(registries)
	const attach = "default-docker:\n  use-sigstore-attachments: true\n"
	if err := os.WriteFile(filepath.Join(registries, "default.yaml"), []byte(attach), 0o600); err != nil {
		return err
	}
	policy := &signature.Policy{Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}}
	if policyFile != "" {
		if policy, err = signature.NewPolicyFromFile(policyFile); err != nil {
			return err
		}
	}
	policyContext, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	src, err := alltransports.ParseImageName(from)
	if err != nil {
		return err
	}
	dst, err := alltransports.ParseImageName(to)
	if err != nil {
		return err
	}
	system := &types.SystemContext{RegistriesDirPath: registries, DockerInsecureSkipTLSVerify: types.OptionalBoolTrue}
	_, err = copy.Image(context.Background(), policyContext, dst, src, &copy.Options{
		SourceCtx: system, DestinationCtx: system, ImageListSelection: copy.CopyAllImages, ReportWriter: os.Stderr,
		SignBySigstorePrivateKeyFile: key, SignSigstorePrivateKeyPassphrase: []byte(os.Getenv("COSIGN_PASSWORD")),
	})
	return err
}
