// Package transport sends HTTP requests to registries: it retries, honors Retry-After per host, notices stalled
// connections, and reports errors without showing a secret.
package transport
