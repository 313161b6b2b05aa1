package greeting

default allow := false

allow if input.language in {"en", "fr"}
