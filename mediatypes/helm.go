package mediatypes

// The types of a Helm chart.
const (
	HelmConfig     = "application/vnd.cncf.helm.config.v1+json"
	HelmChart      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	HelmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)
