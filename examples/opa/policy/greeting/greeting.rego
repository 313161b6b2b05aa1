package greeting

default allow := false

allow if input.name in data.greeting.names
