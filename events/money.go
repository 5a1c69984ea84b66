package events

// Money is an amount in minor units (cents, yen) of an ISO 4217 currency. The zero value is no money in no currency.
type Money struct {
	Minor    int64
	Currency string
}
