#!/bin/sh
exec llama-cli -m ../models/tiny-llama.gguf "$@"
