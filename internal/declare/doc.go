// Package declare reads davit.yaml and kind files, and checks them without looking at other files.
package declare
