package events

import "github.com/tilltape/tilltape/internal/words"

// The enumerations in texts: JSON, flags, logs.

// MarshalText is the word that String says; a value that is none is an error.
func (c Channel) MarshalText() ([]byte, error) { return words.Marshal(c, ViaOperator) }

// UnmarshalText takes one of these words; the error lists them.
func (c *Channel) UnmarshalText(text []byte) error { return words.Unmarshal(text, c, ViaOperator) }

// MarshalText is the word that String says; a value that is none is an error.
func (c CaptureMode) MarshalText() ([]byte, error) { return words.Marshal(c, CaptureManual) }

// UnmarshalText takes one of these words; the error lists them.
func (c *CaptureMode) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, c, CaptureManual)
}

// MarshalText is the word that String says; a value that is none is an error.
func (c CancelCause) MarshalText() ([]byte, error) { return words.Marshal(c, CauseGateway) }

// UnmarshalText takes one of these words; the error lists them.
func (c *CancelCause) UnmarshalText(text []byte) error { return words.Unmarshal(text, c, CauseGateway) }

// MarshalText is the word that String says; a value that is none is an error.
func (s Subject) MarshalText() ([]byte, error) { return words.Marshal(s, SubjectRefund) }

// UnmarshalText takes one of these words; the error lists them.
func (s *Subject) UnmarshalText(text []byte) error { return words.Unmarshal(text, s, SubjectRefund) }

// MarshalText is the word that String says; a value that is none is an error.
func (i InquiryOutcome) MarshalText() ([]byte, error) { return words.Marshal(i, InquiryNotExist) }

// UnmarshalText takes one of these words; the error lists them.
func (i *InquiryOutcome) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, i, InquiryNotExist)
}

// MarshalText is the word that String says; a value that is none is an error.
func (r Resolution) MarshalText() ([]byte, error) { return words.Marshal(r, ResolvedFailed) }

// UnmarshalText takes one of these words; the error lists them.
func (r *Resolution) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, r, ResolvedFailed)
}

// MarshalText is the word that String says; a value that is none is an error.
func (a AnomalyReason) MarshalText() ([]byte, error) { return words.Marshal(a, NotUnderstood) }

// UnmarshalText takes one of these words; the error lists them.
func (a *AnomalyReason) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, a, NotUnderstood)
}

// MarshalText is the word that String says; a value that is none is an error.
func (a Attention) MarshalText() ([]byte, error) { return words.Marshal(a, AttentionDispute) }

// UnmarshalText takes one of these words; the error lists them.
func (a *Attention) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, a, AttentionDispute)
}

// MarshalText is the word that String says; a value that is none is an error.
func (t Transfer) MarshalText() ([]byte, error) { return words.Marshal(t, TransferDispute) }

// UnmarshalText takes one of these words; the error lists them.
func (t *Transfer) UnmarshalText(text []byte) error { return words.Unmarshal(text, t, TransferDispute) }

// MarshalText is the word that String says; a value that is none is an error.
func (s Stage) MarshalText() ([]byte, error) { return words.Marshal(s, StageClosed) }

// UnmarshalText takes one of these words; the error lists them.
func (s *Stage) UnmarshalText(text []byte) error { return words.Unmarshal(text, s, StageClosed) }

// MarshalText is the word that String says; a value that is none is an error.
func (d DisputeOutcome) MarshalText() ([]byte, error) { return words.Marshal(d, DisputeInvalidated) }

// UnmarshalText takes one of these words; the error lists them.
func (d *DisputeOutcome) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, d, DisputeInvalidated)
}
