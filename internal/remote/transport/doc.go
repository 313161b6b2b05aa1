// Package transport sends HTTP requests to registries: it retries, honors Retry-After per host, notices stalled connections, and
// says what went wrong without showing a secret.
package transport
