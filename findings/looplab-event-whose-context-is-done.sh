#!/usr/bin/env bash
# looplab/fsm v1.0.3 (a pinned Go module): Event with a context that is already done returns the context's error, as one
# would guess, and leaves the machine in a transition for good, as one would not. Every later event is refused, with a
# live context too. Transition, which is there to end a transition, says nil each time and ends nothing; SetState moves
# the machine and does not free it; AvailableTransitions goes on naming what Can denies. Nothing here uses callbacks or
# Async. A server's request that was hung up on is enough.
#
# What we do: order/fsm.go gives no machine an event or a context. Each state has machines of its own, which are asked
# with Can and nothing else.
#
# Seen, and compared with:
#> github.com/looplab/fsm v1.0.3
#> Event, context done: context canceled; now open
#> Transition: <nil>; now open
#> Transition: <nil>; now open
#> Event, context live: event close inappropriate because previous transition did not complete; now open
#> available: [close]; can: false
#> SetState, then Event: event lock inappropriate because previous transition did not complete; now closed
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOWORK=off GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"

cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"

	"github.com/looplab/fsm"
)

func main() {
	live := context.Background()
	done, cancel := context.WithCancel(live)
	cancel()
	door := fsm.NewFSM("open", fsm.Events{
		{Name: "close", Src: []string{"open"}, Dst: "closed"},
		{Name: "lock", Src: []string{"closed"}, Dst: "locked"},
	}, nil)
	say := func(what string, err error) { fmt.Printf("%s: %v; now %s\n", what, err, door.Current()) }

	say("Event, context done", door.Event(done, "close"))
	say("Transition", door.Transition())
	say("Transition", door.Transition())
	say("Event, context live", door.Event(live, "close"))
	fmt.Printf("available: %v; can: %v\n", door.AvailableTransitions(), door.Can("close"))
	door.SetState("closed")
	say("SetState, then Event", door.Event(live, "lock"))
}
GO
go mod init finding 2> said || { cat said >&2; exit 1; }
go get github.com/looplab/fsm@v1.0.3 2> said || { cat said >&2; exit 1; }
{ go list -m github.com/looplab/fsm && go run .; } > seen
diff <(sed -n 's/^#> //p' "$self") seen || { echo "finding: it behaves otherwise now (above)" >&2; exit 1; }
echo 'finding: as it was'
