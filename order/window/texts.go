package window

import "github.com/tilltape/tilltape/internal/words"

// The enumerations in texts: JSON, flags, logs.

// MarshalText is the word that String says; a value that is none is an error.
func (k Kind) MarshalText() ([]byte, error) { return words.Marshal(k, NextDay) }

// UnmarshalText takes one of these words; the error lists them.
func (k *Kind) UnmarshalText(text []byte) error { return words.Unmarshal(text, k, NextDay) }
