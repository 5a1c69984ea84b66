package rooms_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/store"
)

// A log that is unavailable has written nothing, by its contract: the command was not begun. After a try that failed
// otherwise nobody can say that of all tries.
func TestDrive_AnUnavailableLogIsNoDoubt(t *testing.T) {
	gone := fmt.Errorf("append: %w", store.ErrUnavailable)
	s := authorized(t)
	d := s.drive(cancel)
	s.to(d, engine.Append)
	d.Appended(gone)
	require.Equal(t, engine.Done, d.Task().Kind)
	require.ErrorIs(t, d.Err(), store.ErrUnavailable)
	require.NotErrorIs(t, d.Err(), engine.ErrInDoubt)
	assert.False(t, d.Called())
	assert.Equal(t, "order o-1: cancel was not recorded: append: log is unavailable for now; try again",
		d.Err().Error())

	d = s.drive(cancel)
	s.to(d, engine.Append)
	d.Appended(errors.New("the answer was lost"))
	d.Appended(gone)
	require.Equal(t, engine.Append, d.Task().Kind, "the first try may have been written: its record ids find out")
	d.Appended(gone)
	require.Equal(t, engine.Done, d.Task().Kind)
	require.ErrorIs(t, d.Err(), engine.ErrInDoubt)
}
