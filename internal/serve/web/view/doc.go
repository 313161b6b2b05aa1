// Package view prepares the content of pages: names and values, documents, layers, differences, and the addresses of pages.
package view
