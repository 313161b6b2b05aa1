// Package declare reads davit.yaml and kind files, and checks what they say without looking at other files.
package declare
