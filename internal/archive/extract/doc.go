// Package extract unpacks hostile archives below an os.Root.
package extract
