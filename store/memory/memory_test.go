package memory_test

import (
	"testing"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

func TestLog(t *testing.T) {
	storetest.Run(t, storetest.Factory{Open: func(*testing.T) store.Log { return memory.New() }})
}
