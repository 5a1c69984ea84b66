package otel

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/tilltape/tilltape"
)

// kind is which of OpenTelemetry's instruments one is.
type kind string

const (
	histogram kind = "histogram"
	counter   kind = "counter"
	gauge     kind = "gauge"
	upDown    kind = "up-down counter"
)

// instrument describes a metric. docs/reference/metrics.md has the same table; a test compares them.
type instrument struct {
	name       string
	kind       kind
	unit       string // UCUM; what stands in braces is only a word
	attributes string // keys, parted by spaces
	about      string
}

// The keys of attributes. None of them is an id.
const (
	keyCommand   = "tilltape.command"
	keyOutcome   = "tilltape.outcome"
	keyReason    = "tilltape.reason"
	keyCall      = "tilltape.call"
	keyAnswer    = "tilltape.call.answer"
	keyFact      = "tilltape.fact"
	keyStatus    = "tilltape.order.status"
	keyPhase     = "tilltape.order.phase"
	keyAttention = "tilltape.attention"
	keyWithin    = "tilltape.within"
	keyConsumer  = "tilltape.consumer"
)

// What is measured as it happens.
var (
	commandDuration = instrument{"tilltape.command.duration", histogram, "s", keyCommand + " " + keyOutcome,
		"Time of commands, calls to APO included."}
	commandRefused = instrument{"tilltape.command.refused", counter, "{command}", keyCommand + " " + keyReason,
		"Commands that were refused before anything was sent."}
	callDuration = instrument{"tilltape.call.duration", histogram, "s", keyCall + " " + keyAnswer,
		"Time of calls to APO, by what the answer proves."}
	orderTransitions = instrument{"tilltape.order.transitions", counter, "{transition}", keyFact + " " + keyStatus,
		"Facts that were recorded, with the order's status after them."}
	orderParked = instrument{"tilltape.order.parked", counter, "{operation}", keyCommand,
		"Operations that were given to a person."}
	orderAnomalies = instrument{"tilltape.order.anomalies", counter, "{anomaly}", keyReason,
		"Contradictions in what APO signed."}
	settlingFailures = instrument{"tilltape.settling.failures", counter, "{failure}", "",
		"Times that settling could not list or drive something, and went on."}
	notificationDuration = instrument{"tilltape.notification.duration", histogram, "s", keyOutcome,
		"Time of notifications, by how they ended."}
)

// What is asked for when metrics are collected.
var (
	unresolvedOrders = instrument{"tilltape.order.unresolved", gauge, "{order}", "",
		"Orders with an operation whose outcome is not known."}
	unresolvedAge = instrument{"tilltape.order.unresolved.age", gauge, "s", keyPhase,
		"Age of the oldest operation of these orders, by how far they are. No order: no value."}
	overdueAge = instrument{"tilltape.order.overdue.age", gauge, "s", "",
		"For how long the first thing that is due has been; 0: nothing is."}
	attentionOrders = instrument{"tilltape.order.attention", gauge, "{order}", keyAttention,
		"Orders that need a person."}
	attentionAge = instrument{"tilltape.order.attention.age", gauge, "s", keyAttention,
		"For how long the first of these has needed one; of disputes, for how long the first is past its time to be " +
			"defended, negative as long as there is time. No order: no value."}
	logAppends = instrument{"tilltape.log.appends", counter, "{append}", keyOutcome,
		"Appends that were written, refused or failed."}
	logRecords = instrument{"tilltape.log.records", counter, "{record}", "", "Records that were appended."}
	logTime    = instrument{"tilltape.log.append.time", counter, "s", "", "Time of all appends that were written."}
	logWithin  = instrument{"tilltape.log.append.within", counter, "{append}", keyWithin,
		"Appends that were written within so many seconds."}
	logWaiting  = instrument{"tilltape.log.append.waiting", upDown, "{append}", "", "Appends that wait for their commit."}
	logSize     = instrument{"tilltape.log.size", gauge, "By", "", "What the log takes, where its engine knows."}
	logPosition = instrument{"tilltape.log.position", gauge, "{record}", "", "Position of the newest record."}
)

// What consumers are asked for then.
var (
	consumerLag = instrument{"tilltape.consumer.lag", gauge, "{record}", keyConsumer,
		"Records that a consumer of the log has not passed."}
	consumerLagAge = instrument{"tilltape.consumer.lag.age", gauge, "s", keyConsumer,
		"For how long the first of these has been on record; 0: there is none."}
	consumerParked = instrument{"tilltape.consumer.parked", gauge, "{order}", keyConsumer,
		"Orders some of whose records stay back, since the receiver refused one."}
)

// instruments are all of them, in the order of the page.
var instruments = []instrument{commandDuration, commandRefused, callDuration, orderTransitions, orderParked,
	orderAnomalies, settlingFailures, notificationDuration, unresolvedOrders, unresolvedAge, overdueAge, attentionOrders,
	attentionAge, logAppends, logRecords, logTime, logWithin, logWaiting, logSize, logPosition, consumerLag,
	consumerLagAge, consumerParked}

// seconds are the ends of the histograms' classes: a call to APO takes tens of milliseconds to tens of seconds.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40}

// maker makes instruments and keeps what went wrong.
type maker struct {
	meter metric.Meter
	errs  []error
}

func (m *maker) histogram(i instrument) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(i.name, metric.WithUnit(i.unit), metric.WithDescription(i.about),
		metric.WithExplicitBucketBoundaries(seconds...))
	return made(m, i, h, err)
}

func (m *maker) counter(i instrument) metric.Int64Counter {
	c, err := m.meter.Int64Counter(i.name, metric.WithUnit(i.unit), metric.WithDescription(i.about))
	return made(m, i, c, err)
}

func (m *maker) asked(i instrument) metric.Int64Observable {
	unit, about := metric.WithUnit(i.unit), metric.WithDescription(i.about)
	switch i.kind {
	case counter:
		c, err := m.meter.Int64ObservableCounter(i.name, unit, about)
		return made(m, i, c, err)
	case upDown:
		c, err := m.meter.Int64ObservableUpDownCounter(i.name, unit, about)
		return made(m, i, c, err)
	default:
		g, err := m.meter.Int64ObservableGauge(i.name, unit, about)
		return made(m, i, g, err)
	}
}

func (m *maker) askedSeconds(i instrument) metric.Float64Observable {
	unit, about := metric.WithUnit(i.unit), metric.WithDescription(i.about)
	if i.kind == counter {
		c, err := m.meter.Float64ObservableCounter(i.name, unit, about)
		return made(m, i, c, err)
	}
	g, err := m.meter.Float64ObservableGauge(i.name, unit, about)
	return made(m, i, g, err)
}

func made[T any](m *maker, i instrument, it T, err error) T {
	if err != nil { // in words: the error of whichever SDK it is stays out of ours
		m.errs = append(m.errs, fmt.Errorf("otel: %w: instrument %s: %v; check the MeterProvider", tilltape.ErrConfig, i.name,
			err))
	}
	return it
}

func (m *maker) err() error { return errors.Join(m.errs...) }
