// Package web shows what registries, layouts, and archives contain as pages for browsers. The pages are for reading: nothing
// can be changed through them. They need no scripts, and everything on them that comes from an artifact is text.
package web
