package order

import "github.com/tilltape/tilltape/internal/law"

// The law's rows, asked about an order. The enumerations here have the law's values, see [law].

// cell is what the fact does to the order.
func (o *Order) cell(f law.Fact) law.Cell { return law.StatusCell(f, law.Status(o.Status)) }

// permits is what the command table says of the command, and the reason where it refuses.
func (o *Order) permits(v Verb) (law.Permit, Reason) {
	p, r := law.CommandPermit(law.Verb(v), law.Status(o.Status))
	return p, Reason(r)
}

// then is what follows for the outstanding operation when something is proven about it; ok is false where nothing can
// be.
func (p *Operation) then(proven law.Proven) (then law.Then, ok bool) {
	return law.OperationThen(law.OpKind(p.Kind), proven, p.AfterF)
}

// next is where a step leads the phase; ok is false where the machine of operations has no such step.
func (p Phase) next(s law.Step) (to Phase, ok bool) {
	next, ok := law.NextPhase(s, law.Phase(p))
	return Phase(next), ok
}

// after is where an event leads the gateway capture.
func (g GatewayCapture) after(e law.GatewayEvent) GatewayCapture {
	return GatewayCapture(law.NextGateway(e, law.GatewayCapture(g)))
}
