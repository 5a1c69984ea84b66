package events

import "github.com/tilltape/tilltape/money"

// Money is the amount in a fact. It is [money.Amount], by its name in the log's format.
type Money = money.Amount
