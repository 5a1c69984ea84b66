package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/order/window"
)

func TestPolicyCheck_SaysWhatIsWrongAndWhatToGive(t *testing.T) {
	waits := func(d ...time.Duration) []time.Duration { return d }
	at := func(acquirer, method string, w window.Rule) Policy {
		return Policy{Windows: window.Rules{acquirer: {method: w}}}
	}
	ofCards := func(w window.Rule) Policy { return at("ACME", MethodCard, w) }
	for _, tt := range []struct {
		p    Policy
		says string
	}{
		{Policy{Retries: waits(1, 5, 30)}, "Retries[0] is 1ns, and 1s is the least; a plain number counts nanoseconds: " +
			"write 1 * time.Second, or leave the list out for the default"},
		{Policy{Retries: waits(time.Second, 30)}, "Retries[1] is 30ns, and 1s is the least; a plain number counts " +
			"nanoseconds: write 30 * time.Second"},
		{Policy{Retries: waits(0)}, "Retries[0] is 0s, and 1s is the least; give 1s to 8784h0m0s"},
		{Policy{Waits: waits(time.Second, -time.Minute)}, "Waits[1] is -1m0s, and 1s is the least"},
		{Policy{Retries: waits(WaitMax + 1e9)}, "Retries[0] is 8784h0m1s, and 8784h0m0s is the most; give 1s to 8784h0m0s"},
		{Policy{Waits: waits(WaitsMax + 1e9)}, "Waits[0] is 744h0m1s, and 744h0m0s is the most; give 1s to 744h0m0s"},
		{Policy{Reconciles: waits(24)}, "Reconciles[0] is 24ns"},
		{Policy{Lease: 60}, "Lease is 60ns, and 1s is the least"},
		{Policy{Lease: LeaseMax + time.Second}, "Lease is 24h0m1s, and 24h0m0s is the most; give 1s to 24h0m0s"},
		{Policy{Lease: -1}, "Lease is -1ns, and 1s is the least"},
		{Policy{Margin: -time.Hour}, "Margin is -1h0m0s, and 1s is the least; give 1s to 8784h0m0s, or leave it zero for"},
		{Policy{Validity: -1}, "Validity is -1ns"},
		{Policy{ParkAfter: 7}, "ParkAfter is 7ns"},
		{Policy{ParkAccepted: WaitMax + 1}, "ParkAccepted is 8784h0m0.000000001s, and"},
		{Policy{ReconcileFor: -2}, "ReconcileFor is -2ns, and 1s is the least; give 1s to 87840h0m0s, NoReconcile to"},
		{Policy{ReconcileFor: ReconcileForMax + time.Second}, "ReconcileFor is 87840h0m1s"},
		{Policy{Jitter: 5000}, "Jitter is 5000, and it counts hundredths; give 1 to 50, NoJitter for none"},
		{Policy{Jitter: JitterMax + 1}, "Jitter is 51"},
		{Policy{Jitter: -2}, "Jitter is -2"},
		{Policy{SeveralCaptures: []string{MethodCard, ""}}, `SeveralCaptures[1] is "": the method is empty`},
		{Policy{ZeroLastCaptures: []string{""}}, `ZeroLastCaptures[0] is "": the method is empty`},
		{at("", MethodCard, window.Rule{}), `Windows has the acquirer ""`},
		{at("ACME", "", window.Rule{}), `Windows["ACME"][""]: the method is empty`},
		{ofCards(window.Rule{Kind: 9}), `Windows["ACME"]["CARD"] is of kind 9, which is none`},
		{ofCards(window.Rule{Kind: window.Never, Length: 1}), `Windows["ACME"]["CARD"] is never and has a Length of 1ns`},
		{ofCards(window.Rule{Kind: window.AfterPayment, Length: 7}),
			`Windows["ACME"]["CARD"].Length is 7ns, and 1s is the least`},
		{ofCards(window.Rule{Kind: window.AfterPayment}),
			`Windows["ACME"]["CARD"].Length is 0s, and 1s is the least; give 1s to`},
	} {
		err := tt.p.Check()
		require.ErrorIs(t, err, ErrPolicy, tt.says)
		assert.ErrorContains(t, err, "unusable policy: "+tt.says)
	}
}

// spanned is a policy whose every time is d, but for a lease and the waits for APO, which are shorter.
func spanned(d, lease time.Duration) Policy {
	list := []time.Duration{d}
	return Policy{Lease: lease, Margin: d, Validity: d, Retries: list, Waits: []time.Duration{min(d, WaitsMax)},
		ParkAfter: d, ParkAccepted: d, Reconciles: list, ReconcileFor: d}
}

func TestPolicyCheck_TakesTheDefaultsAndTheBounds(t *testing.T) {
	least, most := spanned(WaitMin, LeaseMin), spanned(WaitMax, LeaseMax)
	least.Jitter, least.ReconcileFor = NoJitter, NoReconcile
	most.Jitter, most.ReconcileFor = JitterMax, ReconcileForMax
	for name, p := range map[string]Policy{
		"zero": {}, "the least": least, "the most": most,
		"the defaults, written out": {Lease: DefaultLease, Margin: DefaultMargin, Validity: DefaultValidity,
			Retries: Policy{}.WithDefaults().Retries, Waits: Policy{}.WithDefaults().Waits, Jitter: DefaultJitter,
			ParkAfter: DefaultParkAfter, ParkAccepted: DefaultParkAccepted, Reconciles: Policy{}.WithDefaults().Reconciles,
			ReconcileFor: DefaultReconcileFor},
		"contracts": {Windows: window.Antom(), SeveralCaptures: []string{MethodCard},
			ZeroLastCaptures: []string{MethodCard}},
	} {
		assert.NoError(t, p.Check(), name)
	}
}

// What Check takes is what is meant: no value of a policy is replaced in silence.
func TestPolicyCheck_WhatItTakesIsUsedAsItStands(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anyPolicy(rt)
		if rapid.Bool().Draw(rt, "usable") {
			p = spanned(time.Duration(rapid.Int64Range(int64(WaitMin), int64(WaitMax)).Draw(rt, "a time")),
				time.Duration(rapid.Int64Range(int64(LeaseMin), int64(LeaseMax)).Draw(rt, "a lease")))
			require.NoError(rt, p.Check())
		}
		if p.Check() != nil {
			return
		}
		for _, f := range []struct{ given, used time.Duration }{
			{p.Lease, p.lease()}, {p.Margin, p.margin()}, {p.Validity, p.validity()},
			{p.ParkAfter, p.patience(Unresolved)}, {p.ParkAccepted, p.patience(Accepted)},
		} {
			if f.given != 0 {
				require.Equal(rt, f.given, f.used)
			}
		}
		for i := range p.Retries {
			require.Equal(rt, p.Retries[i], p.retry(i))
		}
		for i := range p.Waits {
			require.Equal(rt, p.Waits[i], p.wait(i))
		}
		for i := range p.Reconciles {
			require.Equal(rt, p.Reconciles[i], p.reconcile(i))
		}
		if p.Jitter > 0 {
			require.Equal(rt, p.Jitter, p.jitter())
		}
		if p.ReconcileFor > 0 {
			require.True(rt, p.reconciles(p.ReconcileFor))
			require.False(rt, p.reconciles(p.ReconcileFor+1))
		}
	})
}
