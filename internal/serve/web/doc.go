// Package web serves pages that show the content of registries, layouts, and archives in a browser. The pages are read-only and
// work without scripts. Everything from an artifact is escaped, or shown in a sandbox.
package web
