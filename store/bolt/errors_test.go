package bolt_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func TestAFileErrorNamesPathReasonAndRemedy(t *testing.T) {
	err := &bolt.FileError{Kind: store.ErrLocked, Path: "/x", Reason: "it is open", Remedy: "close it"}
	assert.ErrorIs(t, err, store.ErrLocked)
	assert.EqualError(t, err, "log /x: it is open; close it")
	assert.Equal(t, "close it", err.Hint())
}
