package tilltape

import (
	"context"

	"github.com/tilltape/tilltape/order"
)

// AskCommand and AskInquiry make a call as Orders does, so that the explorer can run a drive by hand.
func AskCommand(ctx context.Context, g Gateway, c order.Call) order.Verdict {
	return command(ctx, g, c)
}

// AskInquiry makes an inquiry as Orders does.
func AskInquiry(ctx context.Context, g Gateway, c order.Call) order.Picture {
	return inquire(ctx, g, c)
}
