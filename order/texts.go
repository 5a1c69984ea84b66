package order

import "github.com/tilltape/tilltape/internal/words"

// The enumerations in texts: JSON, flags, logs.

// MarshalText is the word that String says; a value that is none is an error.
func (s Status) MarshalText() ([]byte, error) { return words.Marshal(s, Failed) }

// UnmarshalText takes one of these words; the error lists them.
func (s *Status) UnmarshalText(text []byte) error { return words.Unmarshal(text, s, Failed) }

// MarshalText is the word that String says; a value that is none is an error.
func (p Phase) MarshalText() ([]byte, error) { return words.Marshal(p, Parked) }

// UnmarshalText takes one of these words; the error lists them.
func (p *Phase) UnmarshalText(text []byte) error { return words.Unmarshal(text, p, Parked) }

// MarshalText is the word that String says; a value that is none is an error.
func (g GatewayCapture) MarshalText() ([]byte, error) { return words.Marshal(g, GatewayFailed) }

// UnmarshalText takes one of these words; the error lists them.
func (g *GatewayCapture) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, g, GatewayFailed)
}

// MarshalText is the word that String says; a value that is none is an error.
func (v Verb) MarshalText() ([]byte, error) { return words.Marshal(v, VerbCompensate) }

// UnmarshalText takes one of these words; the error lists them.
func (v *Verb) UnmarshalText(text []byte) error { return words.Unmarshal(text, v, VerbCompensate) }

// MarshalText is the word that String says; a value that is none is an error.
func (r Reason) MarshalText() ([]byte, error) { return words.Marshal(r, ReasonContradicts) }

// UnmarshalText takes one of these words; the error lists them.
func (r *Reason) UnmarshalText(text []byte) error { return words.Unmarshal(text, r, ReasonContradicts) }

// MarshalText is the word that String says; a value that is none is an error.
func (o Outcome) MarshalText() ([]byte, error) { return words.Marshal(o, OutcomeFailed) }

// UnmarshalText takes one of these words; the error lists them.
func (o *Outcome) UnmarshalText(text []byte) error { return words.Unmarshal(text, o, OutcomeFailed) }

// MarshalText is the word that String says; a value that is none is an error.
func (f FactKind) MarshalText() ([]byte, error) { return words.Marshal(f, RefundUnread) }

// UnmarshalText takes one of these words; the error lists them.
func (f *FactKind) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, f, RefundUnread)
}

// MarshalText is the word that String says; a value that is none is an error.
func (c CallKind) MarshalText() ([]byte, error) { return words.Marshal(c, CallInquireRefund) }

// UnmarshalText takes one of these words; the error lists them.
func (c *CallKind) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, c, CallInquireRefund)
}

// MarshalText is the word that String says; a value that is none is an error.
func (v VerdictClass) MarshalText() ([]byte, error) { return words.Marshal(v, VerdictWrong) }

// UnmarshalText takes one of these words; the error lists them.
func (v *VerdictClass) UnmarshalText(text []byte) error {
	return words.Unmarshal(text, v, VerdictWrong)
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
