package kinds

import (
	"strings"
)

// PlainHTTPFlags returns the flags with which a client uses plain HTTP for a registry. Some use it for loopback addresses anyway.
func PlainHTTPFlags(client, subcommand, registry string, isLoopback bool) []string {
	isLocalhost := registry == "localhost" || strings.HasPrefix(registry, "localhost:")
	switch {
	case client == "docker" && subcommand == "compose":
		return []string{"--insecure-registry", registry}
	case client == "docker": // the configuration of its daemon decides, which uses plain HTTP for loopback addresses
		return nil
	case client == "podman":
		return []string{"--tls-verify=false"}
	case client == "wkg":
		return []string{"--insecure", registry}
	case client == "davit" && isLoopback, client == "flux" && isLoopback, client == "oras" && isLocalhost:
		return nil
	case client == "flux":
		return []string{"--insecure-registry"}
	}
	return []string{"--plain-http"} // davit, helm, kit, modctl, oras
}
