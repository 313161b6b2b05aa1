// Flux replaces the flux CLI, and makes the same calls to flux's library:
//
//	flux push artifact oci://REF --path PATH [--source S] [--revision R]
//	flux pull artifact oci://REF --output PATH
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/fluxcd/pkg/oci"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 || os.Args[2] != "artifact" {
		log.Fatal("usage: flux push|pull artifact oci://REF [flags]")
	}
	ref := strings.TrimPrefix(os.Args[3], "oci://")
	var meta oci.Metadata
	flags := flag.NewFlagSet("flux", flag.ExitOnError)
	path := flags.String("path", ".", "file or directory to push")
	output := flags.String("output", ".", "directory to pull to")
	flags.StringVar(&meta.Source, "source", "", "URL of the source")
	flags.StringVar(&meta.Revision, "revision", "", "revision of the source")
	flags.Bool("insecure-registry", false, "ignored: loopback registries are always reached over plain HTTP")
	if err := flags.Parse(os.Args[4:]); err != nil {
		log.Fatal(err)
	}
	if err := run(os.Args[1], ref, *path, *output, meta); err != nil {
		log.Fatal(err)
	}
}

func run(verb, ref, path, output string, meta oci.Metadata) error {
	ctx := context.Background()
	client := oci.NewClient(oci.DefaultOptions())
	switch verb {
	case "push":
		digest, err := client.Push(ctx, ref, path, oci.WithPushMetadata(meta))
		if err == nil {
			fmt.Println(digest)
		}
		return err
	case "pull":
		meta, err := client.Pull(ctx, ref, output)
		if err == nil {
			fmt.Println(meta.Digest)
		}
		return err
	}
	return fmt.Errorf("no such command: %s", verb)
}
