package otel

// Description is an instrument, for tests.
type Description struct{ Name, Kind, Unit, Attributes, About string }

// Described are the instruments, in the order of the page.
func Described() []Description {
	var all []Description
	for _, i := range instruments {
		all = append(all, Description{i.name, string(i.kind), i.unit, i.attributes, i.about})
	}
	return all
}
