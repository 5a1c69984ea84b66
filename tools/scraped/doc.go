// Package scraped has no code, only tests: that Prometheus shows our metrics under the names that their page, the
// alerts and the dashboard have, and that the alerts are raised when they should be. It is a module of its own, beside
// the workspace, so that nobody who takes package otel has Prometheus' exporter in their module graph.
package scraped
