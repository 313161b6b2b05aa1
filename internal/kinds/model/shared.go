package model

// machine returns the roles of a model's files that are not text.
func machine() []string { return []string{"model", "weights", "dataset"} }
