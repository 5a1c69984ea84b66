package audit_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/audit"
)

func ExampleHistory() {
	log := exampleLog()
	defer log.Close()

	for e, err := range audit.History(context.Background(), log, "o-1") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Record.Recorded.Format(time.TimeOnly), e.What, "by", e.Record.Actor, "via", e.Via)
	}
	// Output:
	// 09:00:00 placed: USD 10.00 by CARD, captured by us by checkout via ourselves
	// 09:01:00 authorized USD 10.00 by checkout via notification
}
