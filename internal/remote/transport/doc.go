// Package transport sends HTTP requests to registries. It retries them, honors Retry-After for each host, detects stalled
// connections, and keeps secrets out of error messages.
package transport
