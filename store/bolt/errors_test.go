package bolt_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/store/bolt"
)

func TestAFileErrorNamesPathReasonAndRemedy(t *testing.T) {
	err := &bolt.FileError{Kind: bolt.ErrLocked, Path: "/x", Reason: "it is open", Remedy: "close it"}
	assert.ErrorIs(t, err, bolt.ErrLocked)
	assert.EqualError(t, err, "log /x: it is open; close it")
	assert.Equal(t, "close it", err.Hint())
}
