package apo

import "github.com/tilltape/tilltape/internal/words"

// The enumerations in texts: JSON, flags, logs.

// MarshalText is the word that String says; a value that is none is an error.
func (c Class) MarshalText() ([]byte, error) { return words.Marshal(c, NotSent) }

// UnmarshalText takes one of these words; the error lists them.
func (c *Class) UnmarshalText(text []byte) error { return words.Unmarshal(text, c, NotSent) }

// MarshalText is the word that String says; a value that is none is an error.
func (k Kind) MarshalText() ([]byte, error) { return words.Marshal(k, NotUnderstood) }

// UnmarshalText takes one of these words; the error lists them.
func (k *Kind) UnmarshalText(text []byte) error { return words.Unmarshal(text, k, NotUnderstood) }
