// Podman-artifact replaces the artifact commands of a recent podman, and makes
// the same calls to podman's library. The store is in $HOME.
//
//	podman-artifact add [--type T] REF FILE...
//	podman-artifact push REF
//	podman-artifact pull REF
//	podman-artifact extract REF PATH
//	podman-artifact mount REF      (prints NAME and SOURCE of every file a container would see)
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"go.podman.io/common/libimage"
	"go.podman.io/common/pkg/libartifact/store"
	"go.podman.io/common/pkg/libartifact/types"
	image "go.podman.io/image/v5/types"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: podman-artifact add|push|pull|extract|mount REF [ARG]...")
	}
	flags := flag.NewFlagSet("podman-artifact", flag.ExitOnError)
	artifactType := flags.String("type", "", "artifact type")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	if err := run(os.Args[1], flags.Arg(0), *artifactType, flags.Args()[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(verb, ref, artifactType string, args []string) error {
	ctx := context.Background()
	home := os.Getenv("HOME")
	policy := filepath.Join(home, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		return err
	}
	artifacts, err := store.NewArtifactStore(filepath.Join(home, "artifacts"), &image.SystemContext{
		SignaturePolicyPath: policy, BlobInfoCacheDir: home,
		DockerInsecureSkipTLSVerify: image.OptionalBoolTrue,
	})
	if err != nil {
		return err
	}
	retries := uint(0)
	transfer := libimage.CopyOptions{InsecureSkipTLSVerify: image.OptionalBoolTrue, SignaturePolicyPath: policy, MaxRetries: &retries}
	switch verb {
	case "add":
		var blobs []types.ArtifactBlob
		for _, file := range args {
			blobs = append(blobs, types.ArtifactBlob{BlobFilePath: file, FileName: filepath.Base(file)})
		}
		digest, err := artifacts.Add(ctx, ref, blobs, &types.AddOptions{ArtifactMIMEType: artifactType, Annotations: map[string]string{}})
		return printDigest(digest, err)
	case "push":
		digest, err := artifacts.Push(ctx, ref, ref, transfer)
		return printDigest(digest, err)
	case "pull":
		digest, err := artifacts.Pull(ctx, ref, transfer)
		return printDigest(digest, err)
	case "extract":
		return artifacts.Extract(ctx, ref, args[0], &types.ExtractOptions{})
	case "mount":
		mounts, err := artifacts.BlobMountPaths(ctx, ref, &types.BlobMountPathOptions{})
		for _, m := range mounts {
			fmt.Println(m.Name, m.SourcePath)
		}
		return err
	}
	return fmt.Errorf("no such command: %s", verb)
}

// printDigest prints the digest unless err is set, and returns err.
func printDigest(digest fmt.Stringer, err error) error {
	if err == nil {
		fmt.Println(digest)
	}
	return err
}
