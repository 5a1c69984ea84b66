package events

import "github.com/tilltape/tilltape/internal/words"

// The small enumerations in words for people.

var (
	channelNames     = [...]string{"ourselves", "answer", "notification", "inquiry", "operator"}
	captureModeNames = [...]string{"none", "automatic", "manual"}
	cancelCauseNames = [...]string{"unknown", "requested", "expired", "never paid", "payment failed", "by gateway"}
	subjectNames     = [...]string{"unknown", "payment", "refund"}
	outcomeNames     = [...]string{"unknown", "answered", "does not exist"}
	resolutionNames  = [...]string{"unknown", "succeeded", "failed"}
	anomalyNames     = [...]string{"unknown", "late payment", "payment revived", "contradicts the status",
		"contradicts the payment", "contradicts the transfer", "beyond authorized", "reversal", "key taken", "late answer",
		"no result", "not understood"}
	disputeNames = [...]string{"unknown", "won", "lost", "accepted", "not defended", "withdrawn", "refunded by the scheme",
		"documents taken", "documents refused"}
)

var (
	transferNames = [...]string{"none", "payment", "cancel", "capture", "refund", "raise", "dispute"}
	stageNames    = [...]string{"none", "asked", "accepted", "unresolved", "succeeded", "held", "failed", "opened",
		"defended", "closed"}
)

// String is the channel in words.
func (c Channel) String() string { return words.Of(channelNames[:], c) }

// String is the capture mode in words.
func (m CaptureMode) String() string { return words.Of(captureModeNames[:], m) }

// String is the cause in words.
func (c CancelCause) String() string { return words.Of(cancelCauseNames[:], c) }

// String is the subject in words.
func (s Subject) String() string { return words.Of(subjectNames[:], s) }

// String is the outcome in words.
func (o InquiryOutcome) String() string { return words.Of(outcomeNames[:], o) }

// String is the resolution in words.
func (r Resolution) String() string { return words.Of(resolutionNames[:], r) }

// String is the reason in words.
func (r AnomalyReason) String() string { return words.Of(anomalyNames[:], r) }

// String is the transfer in words.
func (t Transfer) String() string { return words.Of(transferNames[:], t) }

// String is the stage in words.
func (s Stage) String() string { return words.Of(stageNames[:], s) }

// String is the outcome in words.
func (d DisputeOutcome) String() string { return words.Of(disputeNames[:], d) }
