package tilltape_test

import "slices"

// room is what the code of one package, tests apart, may rest on.
type room struct {
	ours    []string // packages of this module it may import, relative to the root
	modules []string // other modules it may be linked with, directly or not; the standard library is free
}

// worldModules are what tests' worlds are linked with: all of ours, and testify.
var worldModules = []string{protobufModule, fsmModule, modModule, uuidModule, boltModule, sysModule, testifyModule,
	yamlModule}

// rooms holds the arrows of the house. They run downwards only: a package may rest on those above it. A package that is
// not named here fails the test, so that a new room is a decision; a room that nobody built yet is no failure.
var rooms = map[string]room{
	"money":          {},
	"internal/words": {},
	"events":         {ours: []string{"money", "internal/words"}, modules: []string{protobufModule}},
	"internal/law":   {ours: []string{"events", "internal/words"}, modules: []string{protobufModule}},
	"order/window":   {ours: []string{"internal/words"}},
	"order": {ours: []string{"money", "events", "internal/law", "internal/ours", "internal/words", "order/window"},
		modules: []string{protobufModule, fsmModule}},
	"store": {ours: []string{"events"}, modules: []string{protobufModule}},
	"jsonform": {ours: []string{"money", "events", "order", "store"},
		modules: []string{protobufModule, fsmModule}},
	"seal":                  {modules: []string{modModule}},
	"store/memory":          {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/sealed":          {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/internal/ledger": {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/bolt": {ours: []string{"events", "store", "seal", "store/sealed", "store/internal/ledger"},
		modules: []string{protobufModule, modModule, boltModule, sysModule}},
	"store/bolt/salvage": {ours: []string{"events", "store", "seal", "store/sealed", "store/bolt"},
		modules: []string{protobufModule, modModule, boltModule, sysModule}},
	"store/storetest": {ours: []string{"events", "store", "seal"},
		modules: []string{protobufModule, modModule, testifyModule, yamlModule, rapidModule}},
	"apo":           {ours: []string{"money", "internal/words"}},
	"apo/apotest":   {ours: []string{"apo"}},
	"internal/ours": {},
	// Writes the derived pages of docs; nothing imports it.
	"internal/gen/states": {ours: []string{"internal/law"}, modules: []string{protobufModule}},
	"internal/engine":     {ours: []string{"events", "order", "store"}, modules: []string{protobufModule, fsmModule}},
	"internal/refusing": {ours: []string{"money", "events", "order", "store"},
		modules: []string{protobufModule, fsmModule}},
	"internal/settling":  {ours: []string{"events", "order", "store"}, modules: []string{protobufModule, fsmModule}},
	"internal/translate": {ours: []string{"events", "order", "apo"}, modules: []string{protobufModule, fsmModule}},
	".": {
		ours: []string{"events", "order", "store", "apo", "internal/engine", "internal/refusing",
			"internal/settling", "internal/translate", "internal/words"},
		modules: []string{protobufModule, fsmModule, uuidModule},
	},
	"evidence": {ours: []string{".", "events", "order", "apo"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"problem": {ours: []string{".", "order"}, modules: []string{protobufModule, fsmModule, uuidModule}},
	"notify": {ours: []string{".", "order", "apo", "internal/words"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"service": {ours: []string{".", "apo", "notify", "problem", "store"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"audit": {
		ours: []string{"money", "events", "internal/law", "internal/ours", "internal/words", "order", "store", "seal",
			"apo", "internal/translate"},
		modules: []string{protobufModule, fsmModule, modModule},
	},
	"reconcile": {ours: []string{".", "events", "order", "store"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"outbox": {ours: []string{"events", "store", "jsonform"},
		modules: []string{protobufModule, fsmModule}},
	"export": {ours: []string{"events", "store", "seal", "jsonform", "store/sealed"},
		modules: []string{protobufModule, fsmModule, modModule}},
	"internal/tests/logfile": {}, "internal/tests/pgserver": {}, "internal/tests/long": {},
	"internal/tests/filled": {modules: []string{testifyModule, yamlModule, rapidModule}},
	"internal/tests/pages":  {modules: []string{testifyModule, yamlModule}},
	// The worlds that the tests of the root share, those of its tests that any engine can run, and the packages of its
	// other tests, which have no code of their own.
	"internal/tests/tilltest": {
		ours: []string{".", "events", "order", "store", "store/memory", "store/bolt", "apo", "apo/apotest", "audit",
			"internal/engine", "internal/translate", "notify"},
		modules: worldModules,
	},
	"internal/tests/stories": {
		ours: []string{".", "events", "order", "store", "store/storetest", "apo", "apo/apotest", "audit", "evidence",
			"notify", "internal/tests/tilltest"},
		modules: append(slices.Clip(worldModules), rapidModule),
	},
	"internal/tests/simulation": {
		ours: []string{".", "events", "order", "store", "apo", "apo/apotest", "audit", "notify",
			"internal/tests/tilltest"},
		modules: worldModules,
	},
	"internal/tests/behaviour/commands": {},
	"internal/tests/behaviour/lists":    {},
	"internal/tests/behaviour/settling": {},
	"internal/tests/laws/explore":       {},
	"internal/tests/laws/operations":    {},
	"internal/tests/laws/sequences":     {},
	"internal/tests/second":             {},
}
