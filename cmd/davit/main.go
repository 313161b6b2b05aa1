// Command davit packs declared files into OCI artifacts, and pushes, pulls, and attaches them.
package main

import "github.com/davit-oci/davit/internal/cli"

// version is set by the linker (-X main.version=...) in a release build.
var version string

func main() { cli.Main(version) }
