package audit

import "github.com/tilltape/tilltape/internal/words"

// The enumerations in texts: JSON, flags, logs.

// UnmarshalText takes one of these words; the error lists them.
func (l *Level) UnmarshalText(text []byte) error { return words.Unmarshal(text, l, levels-1) }

// UnmarshalText takes one of these words; the error lists them.
func (s *State) UnmarshalText(text []byte) error { return words.Unmarshal(text, s, StateWrong) }

// UnmarshalText takes one of these words; the error lists them.
func (o *Outcome) UnmarshalText(text []byte) error { return words.Unmarshal(text, o, Unreadable) }

// UnmarshalText takes one of these words; the error lists them.
func (p *Problem) UnmarshalText(text []byte) error { return words.Unmarshal(text, p, problems-1) }
