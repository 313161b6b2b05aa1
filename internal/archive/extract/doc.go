// Package extract unpacks untrusted archives below an os.Root.
package extract
