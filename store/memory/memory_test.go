package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

// handle is one of several users' of a log, each of whom closes what they have.
type handle struct{ *memory.Log }

func (handle) Close() error { return nil }

func second(_ *testing.T, log store.Log) store.Log { return handle{log.(*memory.Log)} }

func TestLog(t *testing.T) {
	storetest.Run(t, storetest.Factory{Open: func(*testing.T) store.Log { return memory.New() }, Second: second,
		Short: !long.Enabled()})
}

func TestSealedLog(t *testing.T) {
	signer := newSigner(t, "shop.example/orders")
	storetest.Run(t, storetest.Factory{
		Open: func(t *testing.T) store.Log {
			log, err := memory.NewSealed(memory.Config{Signer: signer})
			require.NoError(t, err)
			return log
		},
		Second: second,
		Short:  !long.Enabled(),
		Seal: &storetest.Seal{
			Verifier: signer.Verifier(),
			Tamper: func(t *testing.T, log store.Log, position uint64) {
				require.NoError(t, log.(*memory.Log).Tamper(position))
			},
		},
	})
}
