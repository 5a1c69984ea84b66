package jsonform

import (
	"strconv"

	"github.com/tilltape/tilltape/money"
)

// money is left out where it is no money in no currency.
func (f *form) money(name string, m *money.Amount) {
	if f.writing && *m == (money.Amount{}) {
		return
	}
	o, ok := f.open(name)
	if !ok {
		return
	}
	f.currency(&m.Currency)
	f.minor(&m.Minor)
	f.decimal(*m)
	if !f.writing && *m == (money.Amount{}) {
		f.fail("", "is no money in no currency; leave it out")
	}
	f.close(o)
}

// currency is always there, even where it is empty.
func (f *form) currency(v *string) {
	const name = "currency"
	if !f.writing {
		*v, _ = f.string(name, f.must(name))
		return
	}
	f.name(name)
	var ok bool
	if f.b, ok = appendText(f.b, *v); !ok {
		f.fail(name, "is not UTF-8; give text")
	}
}

func (f *form) minor(v *int64) {
	const name = "minor"
	if f.writing {
		f.name(name)
		f.b = append(strconv.AppendInt(append(f.b, '"'), *v, 10), '"')
		return
	}
	text, ok := f.plain(name, f.must(name))
	if !ok {
		return
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(text) {
		f.fail(name, "is not a whole number of 64 bits; "+wholeNumber)
	}
	*v = n
}

// decimal is what an amount comes to for people, where its currency is one of ISO 4217: it says nothing of its own.
func (f *form) decimal(m money.Amount) {
	const name = "value"
	if f.writing {
		mark := len(f.b)
		f.name(name)
		if b, known := m.AppendDecimal(append(f.b, '"')); known {
			f.b = append(b, '"')
		} else {
			f.b = f.b[:mark]
		}
		return
	}
	if f.err != nil {
		return
	}
	want, known := m.AppendDecimal(nil)
	at := f.member(name)
	switch s, is := f.string(name, at); {
	case is && !known:
		f.fail(name, "is given of a currency that is not in ISO 4217; leave it out")
	case is && s != string(want):
		f.fail(name, "is "+strconv.Quote(clipped(s))+", and its minor units come to "+string(want))
	case at < 0 && known:
		f.fail(name, "is missing; its minor units come to "+string(want))
	}
}
