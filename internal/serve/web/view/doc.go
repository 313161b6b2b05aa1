// Package view lays out what pages show: names and values, documents, layers, differences, and the addresses of pages.
package view
