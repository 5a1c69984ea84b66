//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever opens a pipe waits for somebody who writes into it: it is looked at before.
func TestAPipeIsNoLog(t *testing.T) {
	aDay(t)
	require.NoError(t, syscall.Mkfifo("pipe", 0o600))
	for _, line := range []string{"show pipe o-06", "replay pipe", "verify pipe", "salvage pipe new.tilltape",
		"compact pipe", "import pipe new.tilltape", "diff " + dayLog + " pipe"} {
		t.Run(line, func(t *testing.T) {
			type ended struct {
				code int
				errs string
			}
			done := make(chan ended, 1)
			go func() {
				code, _, errs := ran(t, strings.Fields(line)...)
				done <- ended{code, errs}
			}()
			select {
			case got := <-done:
				want := exitUnreadable
				if strings.HasPrefix(line, "diff") {
					want = diffTrouble
				}
				assert.Equal(t, want, got.code, got.errs)
				assert.Contains(t, got.errs, "neither a file nor a folder")
			case <-time.After(20 * time.Second):
				writer, err := os.OpenFile("pipe", os.O_RDWR, 0) // lets it go
				require.NoError(t, err)
				require.NoError(t, writer.Close())
				<-done
				t.Fatal("it waited for a writer")
			}
		})
	}
}
