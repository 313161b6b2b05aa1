package declare

// Example is the davit.yaml in the help and in the documents.
const Example = `kind: model                # one of "davit kinds", or a kind file
name: tiny-llama           # becomes org.opencontainers.image.title
version: 1.0.0             # becomes the tag, too, where the target has none
tags: [latest]             # besides the tag of the target
immutable: true            # never move that tag, or the one of the version
annotations: {org.opencontainers.image.licenses: CC0-1.0}
config:                    # wins over the fields read from the files
  quantization: Q4_K_M
layers:
  - tiny-llama.gguf        # a file, directory, or glob; by name or content it
                           # gets its role in the kind
  - path: LICENSE
    as: license            # or declared
  - path: vllm-config/
    packing: tar           # raw, tar, tar+gzip, tar+zstd, zip
    exclude: ["**/*.tmp"]  # besides the patterns in .davitignore
referrers:                 # packed, pushed, and attached with this artifact
  - kind: sbom
    layers: [sbom.spdx.json]
`
