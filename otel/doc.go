// Package otel tells OpenTelemetry what orders do: spans for commands and for calls to APO, linked over retries and
// restarts, and metrics of commands, calls, facts, notifications and the log. It is a module of its own and needs
// OpenTelemetry's API alone: which SDK and exporter there are is the service's matter.
//
//	telemetry, err := otel.New(otel.Config{Tracers: tracers, Meters: meters})
//	client, err := apo.NewClient(gateway, id, keys, &apo.Config{Observer: telemetry.Client()}) // pay calls
//	orders, err := tilltape.New(log, client, &tilltape.Config{Observer: telemetry.Observer(nil)})
//	notifications, err := notify.NewHandler(orders, verifier, &notify.Config{Heard: telemetry.Heard})
//	stop, err := telemetry.Measure(log) // what stands open, and the log's figures
//	stop, err = telemetry.Consumers(warehouse) // how far those are who drink from the log
//
// # Spans
//
// A command has a span of its own ("order cancel"), a child of whatever its caller's context has, and each call to APO
// one below it ("APO cancel", of kind client). The client of APO makes its requests with that span's context: an
// instrumented http.Transport finds its parent there.
//
// The intent of an operation keeps its command's trace in the log ([tilltape.Observer.Trace]). A retry or an inquiry
// that settling makes, in another process perhaps and the next day, begins a trace of its own and links to that one.
//
// Spans have ids of orders and commands; metrics never do. What people wrote (reasons, statements, who they are), APO's
// messages and the texts of errors are in neither.
//
// # Metrics
//
// The page docs/reference/metrics.md lists them with their units and attributes, and with the names that Prometheus
// shows. Beside the package lie alerts for Prometheus and a dashboard for Grafana, in folders of these names.
//
// # Cost
//
// A command costs a span, a call another, and each a few microseconds of recording. What stands open is counted when
// the metrics are collected, in one walk of the log's indexes of at most [CountMax] orders each.
package otel
