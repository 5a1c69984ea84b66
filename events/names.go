package events

// The small enumerations in words for people.

var (
	channelNames     = [...]string{"ourselves", "answer", "notification", "inquiry", "operator"}
	captureModeNames = [...]string{"none", "automatic", "manual"}
	cancelCauseNames = [...]string{"unknown", "requested", "expired", "never paid", "payment failed", "by gateway"}
	subjectNames     = [...]string{"unknown", "payment", "refund"}
	outcomeNames     = [...]string{"unknown", "answered", "does not exist"}
	resolutionNames  = [...]string{"unknown", "succeeded", "failed"}
	anomalyNames     = [...]string{"unknown", "late payment", "payment revived", "contradicts the status",
		"contradicts the payment",
		"contradicts the transfer", "beyond authorized", "reversal", "key taken", "late answer"}
)

var (
	transferNames = [...]string{"none", "payment", "cancel", "capture", "refund"}
	stageNames    = [...]string{"none", "asked", "accepted", "unresolved", "succeeded", "held", "failed"}
)

func word[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "unknown"
}

// String is the channel in words.
func (c Channel) String() string { return word(channelNames[:], c) }

// String is the capture mode in words.
func (m CaptureMode) String() string { return word(captureModeNames[:], m) }

// String is the cause in words.
func (c CancelCause) String() string { return word(cancelCauseNames[:], c) }

// String is the subject in words.
func (s Subject) String() string { return word(subjectNames[:], s) }

// String is the outcome in words.
func (o InquiryOutcome) String() string { return word(outcomeNames[:], o) }

// String is the resolution in words.
func (r Resolution) String() string { return word(resolutionNames[:], r) }

// String is the reason in words.
func (r AnomalyReason) String() string { return word(anomalyNames[:], r) }

// String is the transfer in words.
func (t Transfer) String() string { return word(transferNames[:], t) }

// String is the stage in words.
func (s Stage) String() string { return word(stageNames[:], s) }
