// Command recording runs a few davit commands and draws their output as an animated SVG: the picture in README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	output := flag.String("o", "docs/demo.svg", "write the picture to this `FILE`")
	flag.Parse()
	if err := run(*output); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

func run(output string) error {
	steps, err := Play(context.Background(), ".")
	if err != nil {
		return err
	}
	return os.WriteFile(output, Draw(steps), 0o644)
}
