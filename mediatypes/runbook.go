package mediatypes

// The types of a runbook artifact. No other tool defines types for it, so davit does.
const (
	RunbookArtifact = "application/vnd.davit.runbook.v1"
	RunbookConfig   = "application/vnd.davit.runbook.config.v1+json"
)

// The manifest annotations that repeat parts of a runbook's config, so that a listing of referrers shows which runbook belongs to an
// alert without fetching the config. RunbookAlerts is a comma-separated list.
const (
	RunbookAlerts   = "dev.davit.runbook.alerts"
	RunbookSeverity = "dev.davit.runbook.severity"
	RunbookService  = "dev.davit.runbook.service"
	RunbookOwner    = "dev.davit.runbook.owner" // only of attached runbooks
)
