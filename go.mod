module github.com/davit-oci/davit

go 1.26.5
